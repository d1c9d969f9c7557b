// Compares the modes for several users of one target at a distance. Emulated: the link and the
// devices' pace. The target is real and inflated.

import type { PassPace } from '../../src/cli/demo/paced-engine.js';
import {
  pipelineTokenMsMin,
  raceTokenMsMin,
  stopAndWaitTokenMs,
} from '../../src/math/round-time.js';
import { evenLink } from '../../src/sim/profiles/link-profiles.js';
import { inTurn, type OnRow } from '../paired.js';
import { answerAll, compareModes, comparison } from './compare.js';
import { LoopFixture, llamaServer, plainRounds, type RecordedTexts } from './loop-fixture.js';
import { replayDrafter } from './replay-drafter.js';

interface LinkCase {
  readonly name: string;
  readonly path: string;
  readonly pace: PassPace | null;
}

interface LinkSettings {
  readonly roundTripMs: number;
  readonly draftMs: number;
  readonly turns: number;
}

const plainDraftLength = 4;
/** What is asked of a server, by the variant; the baseline is streaming. */
const variants = {
  'stop-and-wait': plainRounds(plainDraftLength),
  'draft-ahead': { mode: 'stop-and-wait' },
  pipeline: { mode: 'pipeline' },
  race: { mode: 'race' },
} as const;
type Variant = keyof typeof variants;

/** @param texts one for each user. */
export async function benchLink(
  { name, path: modelPath, pace }: LinkCase,
  texts: RecordedTexts,
  settings: LinkSettings,
  onRow: OnRow,
) {
  const { recordings, vocabulary } = texts;
  const { roundTripMs, draftMs, turns } = settings;
  const shape = { slotCount: 4, contextLength: 512, deterministic: true };
  const server = llamaServer({ modelPath, ...shape }, { pace });
  const loop = await LoopFixture.open(server, vocabulary, evenLink(roundTripMs));
  const devices = await loop.connectAll(recordings.length, replayDrafter(recordings, draftMs, 512));
  // Warms up.
  await answerAll(loop, devices, texts, 0, { mode: 'stream' });
  const benchVariant = async (mode: Variant) => {
    const pairs = await compareModes(loop, devices, texts, turns, variants[mode]);
    const { bytes: _, ...columns } = comparison(pairs);
    const times = { draftMs, roundTripMs, verifyMs: columns.streamMs };
    const ofBound = boundOf(mode, columns.accepted ?? 0, times) / columns.tokenMs;
    return { target: name, mode, ...columns, ofBound };
  };
  const rows = await inTurn(Object.keys(variants) as Variant[], benchVariant, onRow);
  await loop.close();
  return rows;
}

/** The papers' time per token: passes as in streaming, and a server that never waits. */
function boundOf(
  variant: Variant,
  acceptanceRate: number,
  times: { readonly draftMs: number; readonly verifyMs: number; readonly roundTripMs: number },
): number {
  switch (variant) {
    case 'stop-and-wait':
      return stopAndWaitTokenMs(times, { acceptanceRate, draftLength: plainDraftLength });
    case 'race':
      return raceTokenMsMin(times, acceptanceRate);
    default:
      return pipelineTokenMsMin(times, acceptanceRate);
  }
}

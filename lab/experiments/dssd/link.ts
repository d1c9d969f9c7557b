// The arithmetic of dssd-time.ts held against the real loop: server process, emulated link with a bandwidth, a device that
// drafts with the bundled model. Speeds of the same text, turn by turn.

import { storyPrompts } from '../../../src/cli/demo/openings.js';
import { startRelay } from '../../../src/cli/demo/relay.js';
import { startServerProcess } from '../../../src/cli/demo/server-handle.js';
import { loadLlamaEngine } from '../../../src/engine/llama/index.js';
import type { Estimate } from '../../../src/math/estimate.js';
import { medianEstimate } from '../../../src/math/estimate.js';
import { carryMs, evenLink, type LinkShape } from '../../../src/sim/profiles/link-profiles.js';
import { connectDevice, type TimedAnswer, write } from '../../loop/fleet.js';
import type { BenchModels } from '../../weights/bench-models.js';
import { type DssdVariant, dssdSampling, dssdVariants } from './rounds.js';

export interface CheckRow {
  readonly way: string;
  readonly link: LinkShape;
  /** Milliseconds a token in the loop over those that the arithmetic gives from its counts. */
  readonly ratio: Estimate;
  /** Of streaming over the same link. */
  readonly ofStreaming: Estimate;
}

/** The relay sees messages with their WebSocket frames, and none of the layers below. */
const frameBytes = 8;
const draftLength = 4;
const tokensMax = 48;

const cases: readonly LinkShape[] = [evenLink(20, 10), evenLink(50, 1)];

/** @param passMs emulated, longer than the bundled target takes. */
export async function checkLoop(
  models: BenchModels,
  passMs: number,
  turns: number,
  note: (line: string) => void,
): Promise<CheckRow[]> {
  const load = { contextLength: 512, threads: 1, probe: false };
  const options = { ...load, modelPath: models.target(), slotCount: 2 };
  const times = { passMs, rowMs: 0 };
  const server = await startServerProcess({ kind: 'llama', options, pace: times });
  const engine = await loadLlamaEngine({ ...load, modelPath: models.draft() });
  const rows: CheckRow[] = [];
  for (const link of cases) {
    const relay = await startRelay(server.port, link);
    const { vocabulary } = engine.info;
    const url = `ws://127.0.0.1:${relay.port}`;
    const device = await connectDevice(url, vocabulary, { kind: 'engine', engine });
    const play = (
      variant: DssdVariant,
      turn: number,
      mode: 'stream' | 'stop-and-wait',
    ): Promise<TimedAnswer> =>
      write(device, {
        prompt: vocabulary.tokenize(storyPrompts[turn]!, { addBos: true, parseSpecial: false }),
        seed: BigInt(turn),
        sampling: dssdSampling(variant.scheme, 40),
        scheme: variant.scheme,
        mode,
        tokensMax,
        windowMax: draftLength,
        stopRule: { kind: 'fixed', draftLengthMax: draftLength },
      });
    for (const variant of dssdVariants.filter(
      ({ cut, scheme }) => cut === null && scheme !== 'greedy',
    )) {
      const pairs: { drafted: TimedAnswer; stream: TimedAnswer }[] = [];
      for (let turn = 0; turn < turns; turn++) {
        const drafted = await play(variant, turn, 'stop-and-wait');
        pairs.push({ drafted, stream: await play(variant, turn, 'stream') });
      }
      rows.push({
        way: variant.name,
        link,
        ratio: medianEstimate(
          pairs.map(({ drafted, stream }) => drafted.tokenMs / foretold(drafted, stream, link)),
        ),
        ofStreaming: medianEstimate(
          pairs.map(({ drafted, stream }) => stream.tokenMs / drafted.tokenMs),
        ),
      });
      note(`${variant.name}, round trip ${link.roundTripMs} ms, ${link.upMbps} Mbit/s: checked`);
    }
    await device.close();
    await relay.close();
  }
  await engine.close();
  await server.stop();
  return rows;
}

/** Milliseconds a token from what the loop counted: drafts, messages, bytes; passes as streaming saw them. */
function foretold(
  { statistics, tokens }: TimedAnswer,
  stream: TimedAnswer,
  link: LinkShape,
): number {
  const { verdictCount, draftedCount, draftMs, upBytes, downBytes } = statistics;
  const bytesMs =
    carryMs(upBytes + frameBytes * verdictCount, link.upMbps) +
    carryMs(downBytes + frameBytes * verdictCount, link.downMbps);
  const roundsMs = verdictCount * (link.roundTripMs + stream.tokenMs);
  return (roundsMs + draftedCount * (draftMs ?? 0) + bytesMs) / tokens.length;
}

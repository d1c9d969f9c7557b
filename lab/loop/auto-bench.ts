// Compares auto with both models on the server at the best fixed draft length, as llama.cpp runs
// them. Emulated: passes of the target, of both draft models, and the link. Real: tokens,
// cores, shells and sockets. The fixed length is computed from the recorded texts, so that its loop
// costs nothing.

import { medianEstimate } from '../../src/math/estimate.js';
import { median } from '../../src/math/statistics.js';
import { evenLink } from '../../src/sim/profiles/link-profiles.js';
import { inTurn, type OnRow, runPairs } from '../paired.js';
import { sameText, speedUp, summed, write } from './fleet.js';
import { LoopFixture, llamaServer, type RecordedTexts, replayTask } from './loop-fixture.js';
import { matchesOf } from './recording.js';
import { replayDrafter } from './replay-drafter.js';

interface AutoGrid {
  readonly passesMs: readonly number[];
  readonly roundTripsMs: readonly number[];
  readonly turns: number;
}

export const autoGrid: Omit<AutoGrid, 'turns'> = {
  passesMs: [30, 60, 120],
  roundTripsMs: [0, 5, 20, 50],
};

/** Both draft models' time a token, as a share of a pass of the target. */
const draftShare = 0.1;
const fixedLengths = [1, 2, 3, 4, 5, 6, 8];

interface Cell {
  readonly passMs: number;
  /** Null: a client without drafts. */
  readonly roundTripMs: number | null;
}

/** @param paths of small models: what they compute has to fit into the emulated times. */
export async function benchAuto(
  paths: { readonly target: string; readonly draft: string },
  texts: RecordedTexts,
  { passesMs, roundTripsMs, turns }: AutoGrid,
  onRow: OnRow,
) {
  const rows = await inTurn(passesMs, async (passMs) => {
    const shape = { slotCount: 4, contextLength: 512, threads: 1, probe: false };
    const draft = { ...shape, modelPath: paths.draft };
    const pace = { passMs, rowMs: 0 };
    const server = llamaServer({ ...shape, modelPath: paths.target }, { pace, draft });
    const loop = await LoopFixture.open(server, texts.vocabulary, evenLink(0));
    const cells: Cell[] = [null, ...roundTripsMs].map((roundTripMs) => ({ passMs, roundTripMs }));
    const rows = await inTurn(cells, (cell) => benchCell(loop, texts, turns, cell), onRow);
    await loop.close();
    return rows;
  });
  return rows.flat();
}

/** Each turn writes one text twice. */
async function benchCell(
  loop: LoopFixture,
  texts: RecordedTexts,
  turns: number,
  { passMs, roundTripMs }: Cell,
) {
  const { recordings } = texts;
  loop.link = evenLink(roundTripMs ?? 0);
  const drafter = replayDrafter(recordings, draftShare * passMs, 512);
  const device = await loop.connect(roundTripMs === null ? { kind: 'none' } : drafter);
  const answer = (turn: number, mode: 'stream' | 'auto') =>
    // The warm-up is turn -1.
    write(device, { ...replayTask(texts, turn + 1), mode });
  const pairs = await runPairs({
    ...{ turns, warmUpTurns: 1 },
    baseline: (turn) => answer(turn, 'stream'),
    subject: (turn) => answer(turn, 'auto'),
  });
  await loop.disconnect();
  const matches = recordings.flatMap(matchesOf);
  const fixed = fixedLengths
    .map((length) => ({ length, speed: fixedSpeed(matches, length) }))
    .reduce((best, one) => (one.speed > best.speed ? one : best));
  const ofFixed = pairs.map(({ subject }) => passMs / fixed.speed / subject.tokenMs);
  const { tokenCount, upMessageCount } = summed(pairs.map(({ subject }) => subject));
  const share = (source: 'device' | 'model'): number =>
    pairs.reduce((sum, { subject }) => sum + subject.statistics.sources[source], 0) *
    (100 / tokenCount);
  return {
    ...{ passMs, drafts: roundTripMs === null ? 'server' : `device at ${roundTripMs} ms, server` },
    speed: medianEstimate(pairs.map(speedUp)),
    ...{ fixedLength: fixed.length, fixedSpeed: fixed.speed, ofFixed: medianEstimate(ofFixed) },
    ...{ overPassMs: median(pairs.map(({ baseline }) => baseline.tokenMs)) - passMs },
    ...{ device: share('device'), model: share('model'), messages: upMessageCount / tokenCount },
    sameText: sameText(pairs),
  };
}

/**
 * Tokens in the time of a pass, when every round drafts so many and then verifies them.
 *
 * @param matches [n >= 1] whether the draft of each place is the target's own token.
 */
export function fixedSpeed(matches: readonly boolean[], length: number): number {
  let rounds = 0;
  for (let at = 0; at < matches.length; rounds++) {
    let accepted = 0;
    while (accepted < length && matches[at + accepted] === true) accepted++;
    at += accepted + 1;
  }
  return matches.length / (rounds * (1 + length * draftShare));
}

// Compares race with streaming over round trips, for devices faster and slower than the target.
// Emulated: link, device's pace, pass time. Real: tokens, cores, shells and sockets.

import { medianEstimate } from '../../src/math/estimate.js';
import { mean, median } from '../../src/math/statistics.js';
import { evenLink } from '../../src/sim/profiles/link-profiles.js';
import { inTurn, type OnRow, runPairs } from '../paired.js';
import { type AnswerPair, sameText, speedUp, summed, type TimedAnswer, write } from './fleet.js';
import { LoopFixture, llamaServer, type RecordedTexts, replayTask } from './loop-fixture.js';
import { geometricMatches, raceModelTokenMs } from './race-model.js';
import { matchesOf } from './recording.js';
import { replayDrafter } from './replay-drafter.js';

interface RaceGrid {
  readonly roundTripsMs: readonly number[];
  readonly draftsMs: readonly number[];
  readonly passMs: number;
  readonly turns: number;
}

export const raceGrid: Omit<RaceGrid, 'turns'> = {
  roundTripsMs: [0, 5, 20, 50, 100, 200],
  draftsMs: [8, 40],
  passMs: 30,
};

/** @param modelPath a small target: what it computes has to fit into the emulated pass. */
export async function benchRace(
  modelPath: string,
  texts: RecordedTexts,
  grid: RaceGrid,
  onRow: OnRow,
) {
  const pace = { passMs: grid.passMs, rowMs: 0 };
  const server = llamaServer({ modelPath, slotCount: 4, contextLength: 512 }, { pace });
  const loop = await LoopFixture.open(server, texts.vocabulary, evenLink(0));
  const cells = grid.draftsMs.flatMap((draftMs) =>
    grid.roundTripsMs.map((roundTripMs) => ({ draftMs, roundTripMs })),
  );
  const rows = await inTurn(cells, (cell) => benchCell(loop, texts, grid.turns, cell), onRow);
  await loop.close();
  return rows;
}

/** One text in both modes each turn. */
async function benchCell(
  loop: LoopFixture,
  texts: RecordedTexts,
  turns: number,
  { draftMs, roundTripMs }: { readonly draftMs: number; readonly roundTripMs: number },
) {
  const { recordings } = texts;
  loop.link = evenLink(roundTripMs);
  const device = await loop.connect(replayDrafter(recordings, draftMs, 512));
  const answer = (turn: number, mode: 'stream' | 'race') =>
    loop.counting(() => write(device, { ...replayTask(texts, turn), mode }));
  const pairs = await runPairs({
    turns,
    baseline: (turn) => answer(turn, 'stream'),
    subject: (turn) => answer(turn, 'race'),
  });
  await loop.disconnect();
  const { streamMs, ...columns } = comparison(pairs);
  const statistics = pairs.map(({ subject }) => subject.statistics);
  const drafted = statistics.map((one) => one.draftMs).filter((one) => one !== null);
  // As measured: the round trip as the device's pings saw it.
  const times = {
    // A drafter that rests for most of the time has told few tokens; its setting stands in.
    draftMs: drafted.length === 0 ? draftMs : mean(drafted),
    passMs: streamMs,
    roundTripMs: median(statistics.map((one) => one.roundTripMs ?? roundTripMs)),
  };
  const speedOf = (matches: readonly boolean[]): number =>
    times.passMs / raceModelTokenMs(times, matches);
  const matches = pairs.map((_pair, turn) => matchesOf(recordings[turn % recordings.length]!));
  /** For these texts; and, below, for independent acceptance at the measured rate. */
  const model = median(matches.map(speedOf));
  const rate = columns.accepted ?? mean(matches.flat().map(Number));
  return {
    ...{ draftMs, roundTripMs, ...columns, worst: Math.min(...pairs.map(speedUp)), model },
    ofModel: columns.speed.value / model,
    ofGeometric: columns.speed.value / speedOf(geometricMatches(rate, 4000)),
  };
}

type Counted = TimedAnswer & { readonly passCount: number; readonly rowCount: number };

function comparison(pairs: readonly AnswerPair<Counted>[]) {
  const perToken = (name: 'passCount' | 'rowCount'): number =>
    median(pairs.map(({ subject }) => subject[name] / subject.tokens.length));
  const total = summed(pairs.map(({ subject }) => subject));
  return {
    sameText: sameText(pairs),
    speed: medianEstimate(pairs.map(speedUp)),
    streamMs: median(pairs.map(({ baseline }) => baseline.tokenMs)),
    accepted: total.testedCount === 0 ? null : total.acceptedCount / total.testedCount,
    passes: perToken('passCount'),
    rows: perToken('rowCount'),
    messages: total.upMessageCount / total.tokenCount,
    bytes: (total.upBytes + total.downBytes) / total.tokenCount,
  };
}

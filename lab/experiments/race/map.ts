// Turns the cells of the race map into tables and sentences: the fastest mode of each, and where
// race does worst.

import type { ServiceResult } from '../../../src/sim/service/serve.js';
import { figure, spanText } from '../../report/figures.js';
import { draftJoules, type Run } from '../fixture.js';
import { type ModeName, type ModeRuns, modeNames, ofStreaming } from './modes.js';

/** One place of the map. */
export interface Cell {
  readonly target: 'memory' | 'arithmetic';
  readonly devices: number;
  readonly draftMs: number;
  readonly acceptance: number;
  readonly roundTripMs: number;
}
export type CellRun = Run<Cell, ModeRuns>;

/** The fastest mode; streaming where nothing is faster by more than the intervals. */
function winnerOf({ result }: CellRun): ModeName {
  const drafting = modeNames.slice(1);
  const best = drafting.reduce((a, b) =>
    result[a].tokenMs.value <= result[b].tokenMs.value ? a : b,
  );
  return ofStreaming(result, best).low > 1 ? best : 'streaming';
}

export const winnerRows = (runs: readonly CellRun[]) =>
  runs.map((run) => {
    const mode = winnerOf(run);
    const [speed, raceSpeed] = [ofStreaming(run.result, mode), ofStreaming(run.result, 'race')];
    return { ...run.variant, mode, speed, raceSpeed };
  });

/** A row for each mode of each cell. */
export const modeRows = (runs: readonly CellRun[]) =>
  runs.flatMap(({ variant, result }) =>
    modeNames.map((mode) => {
      const served: ServiceResult = result[mode];
      const { tokenMs, tokensPerSecond, passes, rows, drafted, upMessages } = served;
      return {
        ...variant,
        mode: mode === 'stop-and-wait' ? `${mode}, ${result.draftLength} drafted` : mode,
        ...{ tokenMs, speed: ofStreaming(result, mode), tokensPerSecond },
        ...{ passes, rows, drafted, messages: upMessages },
        joules: draftJoules(drafted, variant.draftMs),
      };
    }),
  );

/** One place of the map: a table of everything would be 300 rows. */
export const usualRows = (runs: readonly CellRun[]) =>
  modeRows(runs)
    .filter(
      ({ draftMs, acceptance, roundTripMs }) =>
        draftMs === 8 && acceptance === 0.7 && [5, 50].includes(roundTripMs),
    )
    .map(({ draftMs: _, acceptance: __, ...row }) => row);

const speedsOf = (runs: readonly CellRun[], mode: ModeName): number[] =>
  runs.map(({ result }) => ofStreaming(result, mode).value);

/** Where race does worst, how often it is the fastest, and the span of stop-and-wait. */
export function extremesOf(runs: readonly CellRun[]) {
  const speeds = speedsOf(runs, 'race');
  const worst = runs[speeds.indexOf(Math.min(...speeds))]!;
  const { value, low, high } = ofStreaming(worst.result, 'race');
  const { devices, draftMs, acceptance, roundTripMs } = worst.variant;
  return {
    race: `${figure(value)} [${figure(low)}, ${figure(high)}] to ${figure(Math.max(...speeds))}`,
    worst:
      `${devices} device${devices === 1 ? '' : 's'}, drafts of ${draftMs} ms, acceptance ${acceptance}, ` +
      `round trip ${roundTripMs} ms`,
    wins: runs.filter((run) => winnerOf(run) === 'race').length,
    places: runs.length,
  };
}

export const waitSpan = (runs: readonly CellRun[]): string =>
  spanText(speedsOf(runs, 'stop-and-wait'));

/** Where a mode stops being faster than streaming. @param runs of one device, over round trips. */
export function crossingOf(runs: readonly CellRun[], mode: ModeName): string {
  const isFaster = ({ result }: CellRun): boolean => ofStreaming(result, mode).value > 1;
  const trips = (some: readonly CellRun[]) => some.map(({ variant }) => variant.roundTripMs);
  const slower = trips(runs.filter((run) => !isFaster(run)));
  const most = Math.max(...trips(runs.filter(isFaster)));
  if (slower.length === 0) return `${mode} nowhere up to ${most} ms`;
  return `${mode} between ${most} and ${Math.min(...slower)} ms`;
}

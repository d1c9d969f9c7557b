// What is asked of the side channel: which settings, how many answers, and what is kept of each.

import type { Cover, Mode } from '../../../src/protocol/frame.js';
import type { Attack } from './attack.js';
import type { Played, Setting } from './bed.js';

const cover = (padBytes: number, aggregateMs: number): Cover => ({ padBytes, aggregateMs });
export const [nothing, padded, both] = [cover(0, 0), cover(128, 0), cover(128, 100)];

export const sideChannelGrid = {
  promptCount: 12,
  tokenCount: 40,
  /** Answers to each prompt, and of them those that are left out at a time: one in so many. */
  turnCount: 10,
  foldCount: 5,
  usual: { roundTripMs: 20, temperature: 0.3 },
  /** Mode and cover. */
  leaks: [
    ...[nothing, padded, cover(0, 100), cover(128, 50), both, cover(128, 200)].map(
      (one) => ['race', one] as const,
    ),
    ...(['pipeline', 'stop-and-wait', 'stream'] as const).flatMap((mode) =>
      [nothing, padded, both].map((one) => [mode, one] as const),
    ),
  ] satisfies readonly (readonly [Mode, Cover])[],
  temperatures: [0, 0.8],
  roundTripsMs: [5, 50, 100],
  modes: ['race', 'stop-and-wait', 'stream'],
} as const;

/** Answers of one setting. */
export interface Line {
  readonly setting: Setting;
  readonly played: readonly Played[];
  /** Null: nobody attacked. */
  readonly attack: Attack | null;
  /** [tokens of all answers] how much later each came than without cover, in milliseconds. */
  readonly laterMs: readonly number[];
}

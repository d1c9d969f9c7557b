// What is asked of the side channel: which settings, how many answers, and what is kept of each.

import type { Mode, TrafficShaping } from '../../../src/protocol/frame.js';
import type { Recognition } from './attack.js';
import type { ChannelResult, ChannelSetting } from './fixture.js';

const shaping = (padBytes: number, aggregateMs: number): TrafficShaping => ({
  padBytes,
  aggregateMs,
});
export const [nothing, padded, both] = [shaping(0, 0), shaping(128, 0), shaping(128, 100)];

export const sideChannelGrid = {
  promptCount: 12,
  tokenCount: 40,
  /** Answers to each prompt, and of them those that are left out at a time: one in so many. */
  turnCount: 10,
  foldCount: 5,
  usual: { roundTripMs: 20, temperature: 0.3 },
  /** Mode and cover. */
  leaks: [
    ...[nothing, padded, shaping(0, 100), shaping(128, 50), both, shaping(128, 200)].map(
      (one) => ['race', one] as const,
    ),
    ...(['pipeline', 'stop-and-wait', 'stream'] as const).flatMap((mode) =>
      [nothing, padded, both].map((one) => [mode, one] as const),
    ),
  ] satisfies readonly (readonly [Mode, TrafficShaping])[],
  temperatures: [0, 0.8],
  roundTripsMs: [5, 50, 100],
  modes: ['race', 'stop-and-wait', 'stream'],
} as const;

/** Answers of one setting. */
export interface ChannelLine {
  readonly setting: ChannelSetting;
  readonly played: readonly ChannelResult[];
  /** Null: nobody attacked. */
  readonly attack: Recognition | null;
  /** [tokens of all answers] how much later each came than without cover, in milliseconds. */
  readonly laterMs: readonly number[];
}

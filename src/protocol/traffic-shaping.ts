// Defines how the lengths and times of messages are hidden, as Open and Welcome say it.

/**
 * Defence against an observer of message lengths and times. Both ends apply the strongest shaping
 * that a session of the connection or the server asks for. 0: off.
 */
export interface TrafficShaping {
  /** Pads messages to this length, or twice, and so on: a power of two in [32, 4096], or 0. */
  readonly padBytes: number;
  /** Period at which frames of sessions leave; an empty period sends cover: in [10, 2000], or 0. */
  readonly aggregateMs: number;
}

/** The stronger of two shapings, field by field. */
export function strongerShaping(one: TrafficShaping, other: TrafficShaping): TrafficShaping {
  return {
    padBytes: Math.max(one.padBytes, other.padBytes),
    aggregateMs: Math.max(one.aggregateMs, other.aggregateMs),
  };
}

export const noShaping: TrafficShaping = { padBytes: 0, aggregateMs: 0 };

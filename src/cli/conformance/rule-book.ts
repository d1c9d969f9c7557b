// Keeps what was seen of each rule that a device has to follow.

import type { ConformanceResult } from './conformance-check.js';

/** Rules of a device by their names. */
const rules = {
  greeting: 'each connection begins with one Hello of supported versions',
  open: 'Open is legal, and asks for what Welcome offers',
  pictures: 'parts of pictures are as wanted or announced: in order, no others, with their SHA-256',
  'session ids': 'session ids rise on a connection',
  drafts: 'drafts continue the chain of their epoch, in the window, with what the scheme needs',
  epochs: 'the epoch rises after an answer that discards drafts, once at most, and never falls',
  residual: 'under split the token drawn from a law comes with the next draft',
  'newer fields': 'unknown fields and padding are skipped',
  resumption: 'after a lost link comes Resume, with the tokens told so far and their hash',
  'epoch of a resumption': 'after Resumed drafts come in a higher epoch than both ends had',
  reopening:
    'after resume-refused comes Open with the prompt as ids or with its pictures, the answer so far and the seed',
  end: 'after the end no draft follows that was not on its way',
} as const;
export type DeviceRule = keyof typeof rules;

export class RuleBook {
  readonly #seen = new Set<DeviceRule>();
  readonly #broken = new Map<DeviceRule, string>();

  /** Counts as seen; the first complaint counts. */
  judge(rule: DeviceRule, isKept: boolean, complaint: string): void {
    this.#seen.add(rule);
    if (!isKept && !this.#broken.has(rule)) this.#broken.set(rule, complaint);
  }

  results(): ConformanceResult[] {
    return (Object.keys(rules) as DeviceRule[]).map((name) => {
      const complaint = this.#broken.get(name);
      if (complaint !== undefined) return { name, outcome: 'fail', detail: complaint };
      if (this.#seen.has(name)) return { name, outcome: 'pass', detail: rules[name] };
      return { name, outcome: 'skipped', detail: 'the device gave no occasion for it' };
    });
  }
}

// Plans which faults a run meets, when, and how hard: plain data drawn from the seed before the
// run, so that a list can be cut down and run again. Each kind has its own random stream: switching
// one off leaves the others unchanged.

import { Random } from './random.js';
import { type FaultKind, faultKinds, type Scenario } from './scenario.js';

export interface Fault {
  /** Unique in a run. */
  readonly id: number;
  readonly kind: FaultKind;
  readonly atMs: number;
  /** How long it lasts, where it does. */
  readonly forMs: number;
  /** Index of its target, modulo the number of devices or servers. */
  readonly target: number;
  /** How hard, in [0, 1). */
  readonly strength: number;
}

/** Milliseconds that faults of a kind last; the others are over at once. */
const lasting: { readonly [kind in FaultKind]?: readonly [number, number] } = {
  stall: [50, 3_000],
  'slow-link': [200, 4_000],
  outage: [100, 4_000],
  storm: [0, 1_500],
  'device-crash': [100, 3_000],
  'slow-device': [200, 4_000],
  'server-crash': [100, 3_000],
  drain: [100, 3_000],
  'slow-pass': [100, 3_000],
  'server-drafter-slow': [100, 3_000],
  'server-drafter-wrong': [100, 3_000],
};

/** The faults of a run, in order of time. */
export function planFaults(scenario: Scenario, seed: number): Fault[] {
  const faults: Fault[] = [];
  for (const kind of faultKinds) {
    const mean = scenario.faults[kind] ?? 0;
    if (mean === 0 || new Random(seed, 'swarm', kind).happens(scenario.offShare)) continue;
    const random = new Random(seed, 'fault', kind);
    const count = Math.round(mean * random.within([0.5, 1.5]));
    for (let index = 0; index < count; index++) {
      faults.push({
        id: faults.length,
        kind,
        atMs: random.next() * scenario.durationMs,
        forMs: random.within(lasting[kind] ?? 0),
        target: random.below(2 ** 20),
        strength: random.next(),
      });
    }
  }
  return faults.sort((a, b) => a.atMs - b.atMs || a.id - b.id);
}

// Checks small worlds in which everything goes wrong: no promise is broken in any of them, and
// faults of every kind take effect. A failure names the seed and the command that repeats it.

import assert from 'node:assert/strict';
import type { Scenario } from './scenario.js';
import { drafts, swarm } from './scenarios.js';
import { simulate } from './simulate.js';
import { addCounts, type Counts } from './tally.js';

/** Runs a scenario under seeds [from, to), all of which keep every promise. */
function runAll(scenario: Scenario, from: number, to: number): Counts {
  let counts: Counts | null = null;
  for (let seed = from; seed < to; seed++) {
    const report = simulate(scenario, seed);
    const [first] = report.violations;
    const again = `pilotfish sim --seed ${seed} --scenario FILE, {"base": "${scenario.name}"}`;
    assert.ok(!first, `${first?.check}: ${first?.message}; again: ${again}`);
    counts = counts === null ? report.counts : addCounts(counts, report.counts);
  }
  const { faults } = counts!;
  const felt = Object.values(faults).reduce((sum, count) => sum + count, 0);
  assert.ok(felt > 60 * (to - from), `${felt} faults`);
  assert.deepEqual(Object.keys(faults).sort(), Object.keys(scenario.faults).sort());
  return counts!;
}

/** Runs the swarm under seeds [from, to); enough of them that every kind of fault occurs. */
export function checkSwarm(from: number, to: number): void {
  const { ended, resumeCount, resendCount, serverCrashCount } = runAll(swarm, from, to);
  const seedCount = to - from;
  // Runs in which nothing finishes would prove little.
  assert.ok((ended['length'] ?? 0) + (ended['end-of-text'] ?? 0) > 5 * seedCount);
  assert.ok(resumeCount > 3 * seedCount && resendCount > seedCount / 2);
  assert.ok(serverCrashCount > seedCount);
}

/** Runs worlds in which servers draft, under seeds [from, to). */
export function checkDrafts(from: number, to: number): void {
  const { ended, modelTokenCount, suffixTokenCount } = runAll(drafts, from, to);
  assert.ok((ended['length'] ?? 0) + (ended['end-of-text'] ?? 0) > 5 * (to - from));
  const drafted = `${modelTokenCount} of the model, ${suffixTokenCount} of the look-up`;
  assert.ok(modelTokenCount > 5 * (to - from) && suffixTokenCount > 0, drafted);
}

/**
 * Every device aggregates, on a way up that carries less than a message a flush; no fault is
 * needed.
 */
const narrow: Scenario = {
  ...swarm,
  name: 'narrow',
  devices: swarm.devices.map((device) => ({
    ...device,
    link: { ...device.link, upBytesPerMs: [2, 8] },
    cover: { padShare: 1, padBytes: 64, aggregateShare: 1, aggregateMs: [10, 120] },
  })),
  faults: {},
};

/** Runs narrow links under seeds [from, to). */
export function checkNarrow(from: number, to: number): void {
  for (let seed = from; seed < to; seed++) {
    const [first] = simulate(narrow, seed).violations;
    assert.equal(first && `${first.check}: ${first.message}`, undefined, `seed ${seed}`);
  }
}

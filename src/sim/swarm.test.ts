// Two hundred small worlds in which everything goes wrong: no promise is broken in any of them. `npm run sim:long` runs ten
// thousand. A failure names the seed and the command that shows it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { swarm } from './scenarios.js';
import { simulate } from './simulate.js';
import { type Counts, sumOf } from './tally.js';

const seedCount = 200;

describe('swarm', () => {
  it(`keeps every promise under seeds 1 to ${seedCount}, and faults of every kind are felt`, () => {
    let counts: Counts | null = null;
    for (let seed = 1; seed <= seedCount; seed++) {
      const report = simulate(swarm, seed);
      const [first] = report.violations;
      const problem = first && `${first.check}: ${first.message}`;
      assert.equal(problem, undefined, `seed ${seed}; again: pilotfish sim --seed ${seed}`);
      counts = counts === null ? report.counts : sumOf(counts, report.counts);
    }
    const { faults, ended, resumeCount, resendCount, serverCrashCount } = counts!;
    const felt = Object.values(faults).reduce((sum, count) => sum + count, 0);
    assert.ok(felt > 60 * seedCount, `${felt} faults`);
    assert.deepEqual(Object.keys(faults).sort(), Object.keys(swarm.faults).sort());
    // Runs in which nothing finishes would prove little.
    assert.ok((ended['length'] ?? 0) + (ended['end-of-text'] ?? 0) > 5 * seedCount);
    assert.ok(resumeCount > 3 * seedCount && resendCount > seedCount / 2);
    assert.ok(serverCrashCount > seedCount);
  });
});

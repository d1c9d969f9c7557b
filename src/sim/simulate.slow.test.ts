// Checks that a run is a function of scenario and seed, that faults change when text comes but
// never the text, and that kinds of faults have separate random streams.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { faultKinds } from './scenario.js';
import { fleet, swarm } from './scenarios.js';
import { runPlan, simulate } from './simulate.js';
import { traceTo } from './trace.js';
import { planRun, type RunPlan } from './world.js';

const traceOf = (plan: RunPlan): string => {
  const lines: string[] = [];
  runPlan(plan, { observe: (now) => [traceTo((line) => lines.push(line), now)] });
  return lines.join('\n');
};

/** Verified tokens of requests that came to their end. */
function textsOf(plan: RunPlan): Map<number, string> {
  const texts = new Map<number, string>();
  const { violations } = runPlan(plan, {
    observe: () => [
      {
        onTell: ({ ask, transcript: { tokens, end } }) => {
          if (end?.kind !== 'ended' || !end.isVerified || end.reason === 'cancelled') return;
          texts.set(ask.id, tokens.map(({ token }) => token).join(' '));
        },
      },
    ],
  });
  assert.deepEqual(violations, []);
  return texts;
}

describe('a simulation', () => {
  it('is the same again for the same seed, event by event, and another for another', () => {
    const reports = [1, 1, 15].map((seed) => simulate(swarm, seed));
    assert.deepEqual(reports[0], reports[1]);
    assert.notEqual(reports[0]!.counts.checksum, reports[2]!.counts.checksum);
    // Not deepEqual: of thousands of lines it would search the difference for seconds.
    const [first, again] = [traceOf(planRun(swarm, 1)), traceOf(planRun(swarm, 1))];
    assert.ok(first === again, 'the traces differ');
  });

  it('writes the same text with faults as without (3 seeds)', () => {
    const scenario = {
      ...swarm,
      work: { ...swarm.work, schemes: ['greedy', 'coupled'] as const },
      faults: { ...swarm.faults, crowd: 0 },
    };
    let comparedCount = 0;
    for (let seed = 100; seed < 103; seed++) {
      const plan = planRun(scenario, seed);
      const undisturbed = textsOf({ ...plan, faults: [] });
      for (const [id, text] of textsOf(plan)) {
        assert.equal(text, undisturbed.get(id), `seed ${seed}, request ${id}`);
        comparedCount++;
      }
    }
    assert.ok(comparedCount > 15, `${comparedCount} texts compared`);
  });

  it('keeps the other faults where they are when one kind is switched off', () => {
    for (const off of faultKinds) {
      const rest = { ...swarm, faults: { ...swarm.faults, [off]: 0 } };
      const strip = (plan: RunPlan) =>
        plan.faults.filter(({ kind }) => kind !== off).map(({ id, ...fault }) => fault);
      assert.deepEqual(strip(planRun(rest, 5)), strip(planRun(swarm, 5)), off);
      assert.deepEqual(planRun(rest, 5).asks, planRun(swarm, 5).asks, off);
    }
  });

  it('runs a fleet of mixed devices without a violation', () => {
    const { violations, counts, deviceCount } = simulate(fleet(100), 1);
    assert.deepEqual(violations, []);
    assert.equal(deviceCount, 100);
    assert.ok((counts.ended['length'] ?? 0) > 25);
  });
});

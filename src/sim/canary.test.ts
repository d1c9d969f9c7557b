// Checks that every checker can fail: each catches the bug planted for it, and a failing run is cut
// down to a few requests and faults.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { canaries } from './canary.suite.js';
import { type CheckName, checkNames } from './check/checker.js';
import type { Scenario } from './scenario.js';
import { swarm } from './scenarios.js';
import { shrink } from './shrink.js';
import { simulate } from './simulate.js';
import { planRun } from './world.js';

const seedsMax = 40;
/** Where the canary of a checker sings. */
const scenarios: { readonly [check in CheckName]?: Scenario } = {
  exactness: { ...swarm, work: { ...swarm.work, schemes: ['greedy', 'coupled', 'agreement'] } },
  verdicts: { ...swarm, work: { ...swarm.work, schemes: ['split', 'full'] } },
  // Engines that are told to fail excuse what follows.
  slots: {
    ...swarm,
    faults: { ...swarm.faults, 'engine-error': 0, 'spoilt-image': 0, 'lost-slot': 0 },
  },
};

/** The first seed whose first violation is the checker's. */
function caughtBy(check: CheckName): number | null {
  const { tampering } = canaries[check];
  for (let seed = 1; seed <= seedsMax; seed++) {
    const { violations } = simulate(scenarios[check] ?? swarm, seed, { tampering });
    if (violations[0]?.check === check) return seed;
  }
  return null;
}

describe('canaries', () => {
  for (const check of checkNames) {
    it(`${check} catches: ${canaries[check].what}`, () => {
      assert.notEqual(caughtBy(check), null, `not within ${seedsMax} seeds`);
    });
  }

  it('liveness catches its own long before the run ends, and at its end without observers', () => {
    const { tampering } = canaries.liveness;
    const seed = caughtBy('liveness')!;
    const { graceMs } = swarm;
    const [early] = simulate(swarm, seed, { tampering }).violations;
    assert.match(early!.message, /nothing new for \d+ ms on a link that stands/);
    const [late] = simulate(swarm, seed, { tampering, checks: [] }).violations;
    assert.match(late!.message, /answers are open/);
    assert.ok(early!.atMs < late!.atMs - graceMs / 2, `${early!.atMs} and ${late!.atMs} ms`);
  });

  it('a failing run is cut down to a few requests and faults', () => {
    const { tampering } = canaries.exactness;
    const scenario = scenarios.exactness!;
    const seed = caughtBy('exactness')!;
    const { plan, report } = shrink(planRun(scenario, seed), { tampering });
    assert.equal(report.violations[0]?.check, 'exactness');
    const size = plan.asks.length + plan.faults.length;
    assert.ok(size >= 1 && size <= 3, `${size} requests and faults are left`);
  });
});

// Checks scenarios from JSON: changes apply at any depth, and misspelt names and wrong types are
// reported by path.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { passCostFrom } from './pass-cost.suite.js';
import { scenarioFrom } from './read-scenario.js';
import { fleet, swarm } from './scenarios.js';
import { simulate } from './simulate.js';

const complains = (json: unknown, about: RegExp): void => {
  assert.throws(() => scenarioFrom(json), { code: 'usage', message: about });
};

describe('a scenario from JSON', () => {
  it('is the shipped one where the file says nothing', () => {
    assert.deepEqual(scenarioFrom({}), swarm);
    assert.deepEqual(scenarioFrom({ base: { fleet: 12 } }), fleet(12));
    assert.deepEqual(scenarioFrom(JSON.parse(JSON.stringify(swarm))), swarm);
  });

  it('changes numbers, ranges, words and whole lists', () => {
    const scenario = scenarioFrom({
      name: 'mine',
      deviceCount: [1, 2],
      server: { pass: { fixedMs: 40 } },
      devices: [{ name: 'a' }, { name: 'b', weight: 2, drafter: 'none' }],
      work: { schemes: ['greedy'] },
      faults: { drain: 3 },
    });
    assert.equal(scenario.server.pass.fixedMs, 40);
    assert.equal(scenario.server.pass.rowMs, swarm.server.pass.rowMs);
    assert.deepEqual(
      scenario.devices.map(({ drafter }) => drafter),
      ['engine', 'none'],
    );
    assert.deepEqual(scenario.work.schemes, ['greedy']);
    assert.equal(scenario.faults.drain, 3);
    assert.deepEqual(simulate(scenario, 1).violations, []);
  });

  it('names what it does not understand', () => {
    complains([], /not a JSON object/);
    complains({ base: 'sea' }, /base is "swarm"/);
    complains({ sever: {} }, /sever is not known; a scenario has name, /);
    complains({ server: { slotCount: 'two' } }, /server\.slotCount is a number or \[from, to\]/);
    complains({ server: { slotCount: [3, 1] } }, /server\.slotCount/);
    complains({ faults: { flood: 1 } }, /faults\.flood is not known/);
    complains({ faults: { drain: -1 } }, /faults\.drain is a number in \[0, 1000000\]/);
    complains({ faults: { drain: 1e12 } }, /faults\.drain is a number in/);
    complains({ base: { fleet: 1e9 } }, /at most 1000000/);
    complains({ work: { schemes: ['best'] } }, /work\.schemes takes greedy, .*, not "best"/);
    complains({ devices: [] }, /devices is a list/);
    complains({ devices: [{ name: 3 }] }, /devices\[0\]\.name is a string/);
    complains({ devices: [{ drafter: 'oracle' }] }, /devices\[0\]\.drafter takes engine, suffix/);
  });

  it('takes the cost of a pass from passes that were measured', () => {
    const truth = { fixedMs: 20, tokenMs: 0.5, rowMs: 0.25, tokenContextMs: 0.001 };
    const passes = Array.from({ length: 200 }, (_, index) => {
      const tokenCount = 1 + ((index * 7) % 40);
      const rowCount = 1 + ((index * 3) % 11);
      const tokenContext = tokenCount * (10 + ((index * 13) % 500));
      const shape = { tokenCount, rowCount, tokenContext };
      const { fixedMs, tokenMs, rowMs, tokenContextMs } = truth;
      const ms = fixedMs + tokenMs * tokenCount + rowMs * rowCount + tokenContextMs * tokenContext;
      return { shape, ms };
    });
    const cost = passCostFrom(passes);
    for (const name of Object.keys(truth) as (keyof typeof truth)[]) {
      assert.ok(Math.abs(cost[name] / truth[name] - 1) < 0.05, `${name} ${cost[name]}`);
    }
  });
});

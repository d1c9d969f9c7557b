// What the early-exit experiment rests on: real models in virtual time write one text whatever is
// drafted ahead, and what is predicted saves time.

import assert from 'node:assert/strict';
import { after, it } from 'node:test';
import { storyPrompts } from '../../src/cli/demo/openings.js';
import { mean } from '../../src/math/statistics.js';
import { benchModels } from '../weights/bench-models.js';
import { aheadKinds, runVariant, type Variant } from './early-exit/variant.js';
import { pace, usual, usualBudget } from './early-exit.js';
import { ModelFixture } from './model-fixture.js';

const files = benchModels('/nowhere', () => undefined);
const fixture = new ModelFixture(files, storyPrompts.length, 24);
after(() => fixture.close());

const run = (changes: Partial<Variant>) =>
  runVariant(
    fixture,
    {
      ...{ pace, ...usual, budget: usualBudget },
      ...{ scheme: 'coupled', mode: 'stop-and-wait', ahead: 'all' },
      exit: { headPath: files.exit(usual.layer) },
      ...changes,
    },
    { count: 2, seed: 3 },
  );

it('writes one text under every kind and mode, and takes the less time the more is known', () => {
  const texts = new Set<string>();
  const tokenMs = new Map<string, number>();
  for (const mode of ['stop-and-wait', 'pipeline', 'race'] as const) {
    for (const ahead of aheadKinds) {
      const answers = run({ mode, ahead });
      texts.add(JSON.stringify(answers.map((figures) => figures.texts)));
      tokenMs.set(`${mode} ${ahead}`, mean(answers.flatMap((figures) => figures.tokenMs)));
    }
  }
  assert.equal(texts.size, 1);
  const ms = (name: string): number => tokenMs.get(name)!;
  assert.ok(ms('stop-and-wait all') < ms('stop-and-wait none'));
  assert.ok(ms('stop-and-wait oracle') < 0.9 * ms('stop-and-wait none'));
});

it('hears each hint when the blocks below its exit are computed', () => {
  for (const layer of [2, 6]) {
    const [first] = run({ exit: { headPath: files.exit(layer) } });
    const { hintCount, hintLeadMs } = first!.statistics[0]!;
    assert.ok(hintCount > 0);
    assert.ok(Math.abs(hintLeadMs! - pace.passMs * (1 - layer / 8)) < 0.01, `${hintLeadMs} ms`);
  }
});

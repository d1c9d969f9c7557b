// What the early-exit experiment rests on: real models in virtual time write one text whatever is drafted ahead, and what
// is foreseen saves time.

import assert from 'node:assert/strict';
import { after, it } from 'node:test';
import { mean } from '../../src/math/statistics.js';
import { benchModels } from '../weights/bench-models.js';
import { type ExitSetting, exitVariants, play } from './early-exit/fixture.js';
import { earlyExitGrid } from './early-exit.js';
import { VirtualModels } from './virtual-models.js';

const files = benchModels('/nowhere', () => undefined);
const models = new VirtualModels(files.target(), files.draft());
after(() => models.close());

const { pace: times, usual } = earlyExitGrid;

const playOnce = (changes: Partial<ExitSetting>) =>
  play(
    { models, textCount: 2, tokenCount: 24, seed: 3 },
    {
      ...{ pace: times, ...usual, scheme: 'coupled', mode: 'stop-and-wait', way: 'all' },
      exit: { headPath: files.exit(usual.layer) },
      ...changes,
    },
  );

it('writes one text under every way and mode, and takes the less time the more is known', () => {
  const texts = new Set<string>();
  const tokenMs = new Map<string, number>();
  for (const mode of ['stop-and-wait', 'pipeline', 'race'] as const) {
    for (const variant of exitVariants) {
      const result = playOnce({ mode, way: variant });
      texts.add(JSON.stringify(result.map((figures) => figures.texts)));
      tokenMs.set(`${mode} ${variant}`, mean(result.flatMap((figures) => figures.tokenMs)));
    }
  }
  assert.equal(texts.size, 1);
  const ms = (name: string): number => tokenMs.get(name)!;
  assert.ok(ms('stop-and-wait all') < ms('stop-and-wait none'));
  assert.ok(ms('stop-and-wait oracle') < 0.9 * ms('stop-and-wait none'));
});

it('hears each hint when the blocks below its exit are computed', () => {
  for (const layer of [2, 6]) {
    const [first] = playOnce({ exit: { headPath: files.exit(layer) } });
    const { hintCount, hintLeadMs } = first!.statistics[0]!;
    assert.ok(hintCount > 0);
    assert.ok(Math.abs(hintLeadMs! - times.passMs * (1 - layer / 8)) < 0.01, `${hintLeadMs} ms`);
  }
});

// Tests that a schema with expensive masks delays other sessions only briefly: a pass stops testing
// its drafts, and no text changes.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { slotId } from '../base/brand.js';
import { pointLaw } from '../math/law.js';
import { plainSampling } from '../math/sampling.js';
import { type Scheme, schemes } from '../math/scheme.js';
import type { Engine, Judge, Outcome, SlotConfig } from './engine.js';
import { judgeDrafts } from './judge-drafts.js';
import { createScriptedEngine } from './scripted-engine.js';

const [hostile, honest] = [slotId(0), slotId(1)];
const [start, letter, end] = [0, 3, 11];
const contextLength = 256;

/** The masks after 28 letters use up the budget of a pass. */
const expensive = JSON.stringify({ type: 'string', pattern: '^((a{0,900}){0,900}){0,900}1$' });
const cheap = JSON.stringify({ type: 'string' });

const configOf = (schema: string): SlotConfig => ({
  // At temperature 0 every scheme's text is the target's own, so the right draft is known.
  sampling: { ...plainSampling, temperature: 0, logitBias: new Map([[end, -40]]) },
  seed: 1n,
  promptLength: 1,
  schema,
});

const judgeOf = (scheme: Scheme, drafts: readonly number[]): Judge =>
  judgeDrafts(
    scheme,
    drafts.map((id) => ({ law: pointLaw(id), prob: 1 })),
  );

/** The target's own text. */
async function write(schema: string, count: number): Promise<number[]> {
  const engine = createScriptedEngine({ alphabet: 'json', contextLength });
  await engine.open(hostile, configOf(schema));
  const text = [start];
  while (text.length <= count) {
    const from = text.length - 1;
    const tokens = Int32Array.of(text[from]!);
    const judge: Judge = { scheme: 'greedy', draftCount: 0 };
    const { outcomes } = await engine.pass([{ slot: hostile, from, tokens, judge }]);
    text.push(finalOf(outcomes[0]!));
  }
  await engine.close();
  return text;
}

function finalOf({ final }: Outcome): number {
  assert.ok(final !== null && final.kind === 'bonus');
  return final.token;
}

const judged = (
  engine: Engine,
  segments: readonly [typeof hostile, number[], number][],
  scheme: Scheme,
) =>
  engine.pass(
    segments.map(([slot, text, from]) => ({
      slot,
      from,
      tokens: Int32Array.from(text.slice(from)),
      judge: judgeOf(scheme, text.slice(from + 1)),
    })),
  );

describe('masks of a pass', () => {
  const expensiveText = write(expensive, 60);
  for (const scheme of schemes) {
    it(`cost no more than a bound, and the text is the same: ${scheme}`, async () => {
      const text = await expensiveText;
      assert.ok(text.filter((token) => token === letter).length > 50, text.join());
      const engine = createScriptedEngine({ alphabet: 'json', contextLength });
      await engine.open(hostile, configOf(expensive));
      let passCount = 0;
      for (let from = 0; from < 60; passCount++) {
        const { outcomes } = await judged(engine, [[hostile, text, from]], scheme);
        const { acceptedCount, final } = outcomes[0]!;
        assert.ok(acceptedCount <= 32, `${acceptedCount} drafts tested in one pass`);
        if (from + acceptedCount < 60) {
          assert.deepEqual(final, { kind: 'bonus', token: text[from + acceptedCount + 1] });
        }
        from += acceptedCount + 1;
      }
      assert.ok(passCount >= 2 && passCount < 6, `${passCount} passes`);
      await engine.close();
    });
  }

  it('cost others no test of theirs', async () => {
    const [long, plain] = [(await expensiveText).slice(0, 51), await write(cheap, 5)];
    const engine = createScriptedEngine({ alphabet: 'json', contextLength });
    await engine.open(hostile, configOf(expensive));
    await engine.open(honest, configOf(cheap));
    const both = [
      [hostile, long, 0],
      [honest, plain, 0],
    ] as [typeof hostile, number[], number][];
    const { outcomes } = await judged(engine, both, 'coupled');
    assert.ok(outcomes[0]!.acceptedCount < 32);
    assert.equal(outcomes[1]!.acceptedCount, 5);
    await engine.close();
  });
});

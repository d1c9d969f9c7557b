// Checks the models of actions: the target says what it was shown, the draft knows only how actions
// usually go on, and both are cut as the trained pair's vocabulary cuts text.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { slotId } from '../../../src/base/brand.js';
import type { EngineCore } from '../../../src/engine/engine-core.js';
import { plainSampling } from '../../../src/math/sampling.js';
import { actionTokens, actionVocabulary, eos, promptLength, promptOf, textOf } from './pieces.js';
import { ActionModels } from './text-models.js';

const right = '{"turn": -20, "forward": 1.0, "stop": false}';
const shape = { slotCount: 1, contextLength: 96, passTokensMax: 96, passRowsMax: 96, exit: null };
const config = { sampling: { ...plainSampling, temperature: 0 }, seed: 1n, promptLength };

/** Greedy, to the end of text. */
function answerOf(core: EngineCore, prompt: Int32Array): string {
  core.open(0, config);
  const said: number[] = [];
  let [from, tokens] = [0, prompt];
  while (said.at(-1) !== eos) {
    const judge = { scheme: 'greedy', draftCount: 0, probs: null, laws: null } as never;
    const { outcomes } = core.pass([{ slot: slotId(0), from, tokens, judge }]);
    from += tokens.length;
    const token = (outcomes[0]!.final as { token: number }).token;
    said.push(token);
    tokens = Int32Array.of(token);
  }
  return textOf(said);
}

describe('models of actions', () => {
  it('take about twenty tokens for an action', () => {
    const tokens = actionTokens(right);
    assert.equal(tokens.length, 21);
    assert.equal(textOf([...tokens]), right);
    assert.ok(actionVocabulary.endOfText.has(tokens.at(-1)!));
  });

  it('say as a target what each picture is shown with', () => {
    const models = new ActionModels();
    const core = models.target(shape);
    const others = ['{"turn": 40, "forward": 0.4, "stop": false}', right];
    const shown = others.map((text) => ({ text, number: models.show(actionTokens(text)) }));
    for (const { text, number } of shown) assert.equal(answerOf(core, promptOf(number)), text);
  });

  it('say as a draft the same of every picture', () => {
    const models = new ActionModels();
    const core = models.draft({ slotCount: 1, contextLength: 96, divergence: 0 });
    models.show(actionTokens(right));
    const answers = [0, 1].map((picture) => answerOf(core, promptOf(picture)));
    assert.equal(answers[0], answers[1]);
    assert.equal(answers[0], textOf(models.blindAnswer()));
    assert.match(answers[0]!, /^\{"turn": -?\d+, "forward": \d\.\d, "stop": (true|false)\}$/);
  });
});

// The text does not depend on who drafts: on the bundled models, over sockets, every combination of
// drafts of device and server gives the target's own text.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { checkAnywhere } from './drafts-anywhere.suite.js';

it('every source of drafts gives the text of the target alone: 20 prompts, greedy and coupled', async (t) => {
  const { answerCount, sources } = await checkAnywhere({
    promptCount: 20,
    tokensMax: 14,
    temperatures: [0, 0.8],
    seeds: [7n],
  });
  t.diagnostic(`${answerCount} answers, tokens by source ${JSON.stringify(sources)}`);
  assert.equal(answerCount, 20 * 2 * 5 * 4);
  for (const source of ['device', 'model', 'suffix'] as const) {
    assert.ok(sources[source] > 10, `${source}: ${sources[source]} tokens`);
  }
});

// What the demo claims of two ways to generate, and when it claims nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AcceptanceTally } from '../../math/acceptance.js';
import type { Generation } from '../generate/generation.js';
import { displayWidth } from '../table.js';
import { compare, comparisonTable, type Turn, verdictWords, whyWords } from './comparison.js';

function generation(generationMs: number, tokenCount: number, draftedCount: number): Generation {
  const tally = new AcceptanceTally();
  if (draftedCount > 0) tally.addRound(draftedCount, draftedCount - 1);
  const passCount = draftedCount > 0 ? tokenCount / 4 : tokenCount;
  return {
    text: 'x',
    tokens: Array.from({ length: tokenCount }, () => 3),
    end: 'length',
    tally,
    targetTimes: { prefillMs: 1, passMs: 2 * passCount, passCount, draftMs: 0, draftedCount: 0 },
    draftTimes: { prefillMs: 0, passMs: 0, passCount: 0, draftMs: draftedCount, draftedCount },
    generationMs,
  };
}

const turn = (aloneMs: number, togetherMs: number): Turn => ({
  alone: generation(aloneMs, 8, 0),
  together: generation(togetherMs, 8, 6),
});

test('a difference is claimed only where the interval lies on one side', () => {
  const words = (turns: readonly Turn[]) => verdictWords(compare(turns));
  assert.match(
    words([turn(20, 10), turn(30, 20)]),
    /faster: 1\.75 times .*\(1\.50 to 2\.00 over 2/,
  );
  assert.match(words([turn(10, 20), turn(10, 25)]), /slower: 0\.45 times/);
  assert.match(words([turn(10, 20), turn(20, 10)]), /to tell which is faster: 1\.25/);
});

test('texts of different lengths are compared by the token', () => {
  const uneven: Turn = { alone: generation(10, 8, 0), together: generation(5, 4, 3) };
  assert.equal(compare([uneven]).ratio, 1);
});

test('table and reasons say the same, one disturbed text changes neither, and the table fits 80 columns', () => {
  const comparison = compare([turn(20, 10), turn(2000, 1), turn(20, 10)]);
  const table = comparisonTable(comparison);
  assert.match(table, /target alone +400 +1\.00 +- +2\.00 ms +-\n/);
  assert.match(table, /with the draft +800 +4\.00 +83\.3 % +2\.00 ms +1\.00 ms$/);
  for (const line of table.split('\n')) assert.ok(displayWidth(line) <= 80, line);
  const why = whyWords(comparison);
  assert.match(
    why,
    /3\.00 ms to draft 3\.0 tokens and 2\.00 ms to check them, and brought 4\.0 tokens/,
  );
  assert.match(why, /drafting one token 50 % of writing it/);
});

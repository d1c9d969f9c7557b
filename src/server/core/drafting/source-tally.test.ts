// Checks the counts of a session's tokens and tested drafts by what drafted them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addTests, noServerTests, SourceTally } from './source-tally.js';

test('tested are the drafts up to the first rejection, given are all of them', () => {
  const tally = new SourceTally();
  tally.test({ sources: ['suffix', 'suffix', 'model'] }, 2);
  tally.test({ sources: ['model', 'model'] }, 2);
  // The device's drafts before them were rejected already.
  tally.test({ sources: ['model'] }, -1);
  tally.test({ sources: [] }, 0);
  const tests = { roundCount: 2, givenCount: 6, modelCount: 2, suffixCount: 2 };
  assert.deepEqual(tally.tests, tests);
  assert.deepEqual(addTests(tests, noServerTests, tests), {
    ...{ roundCount: 4, givenCount: 12, modelCount: 4, suffixCount: 4 },
  });
});

test('sources are told once, and their total stays', () => {
  const tally = new SourceTally();
  for (const source of ['device', 'model', 'model'] as const) tally.add(source);
  assert.deepEqual(tally.take(), { deviceCount: 1, modelCount: 2, suffixCount: 0 });
  tally.add('suffix');
  assert.deepEqual(tally.take(), { deviceCount: 0, modelCount: 0, suffixCount: 1 });
  assert.deepEqual(tally.total, { deviceCount: 1, modelCount: 2, suffixCount: 1 });
});

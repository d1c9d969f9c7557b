// Checks the counts of a session's tokens and tested drafts by what drafted them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Harness, openFrame } from '../core-harness.suite.js';
import { noServerDrafting } from '../settings.js';
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

/** The counts of a core after one answer in mode co-located, in rounds of three drafts. */
function countsFor(divergence: number) {
  const model = { slotCount: 4, contextLength: 256 };
  const harness = new Harness({
    model,
    settings: { drafting: { ...noServerDrafting, model, fixedLength: 3 } },
    draft: { model: { ...model, divergence }, passMs: 1 },
  });
  harness.connect(1);
  harness.send(1, openFrame({ mode: 'co-located', tokensMax: 60 }));
  while (harness.stepEngine() || harness.stepDrafter());
  const { serverTests, sources, roundCount } = harness.core.stats();
  const ofSession = harness.core.serverTestsOf({ connection: 1, session: 0 });
  return { serverTests, standing: sources.modelCount, roundCount, ofSession };
}

test('passes count what they tested: all that stood, and one rejection a round at most', () => {
  const exact = countsFor(0);
  assert.equal(exact.serverTests.modelCount, exact.standing);
  const poor = countsFor(0.5);
  const rejected = poor.serverTests.modelCount - poor.standing;
  assert.ok(rejected > 0 && rejected <= poor.serverTests.roundCount, `${rejected} rejected`);
  for (const { serverTests, roundCount, ofSession } of [exact, poor]) {
    assert.ok(serverTests.givenCount >= serverTests.modelCount);
    assert.equal(serverTests.roundCount, roundCount);
    if (ofSession !== null) assert.deepEqual(ofSession, serverTests);
  }
});

// Checks what happens to drafting when every row of a target costs the same: drafts continue where
// the server waits for the device anyway, and end in race. Runs both cores in virtual time.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DeviceWorld } from './device-world.suite.js';
import type { GenerateRequest } from './event.js';
import type { Statistics } from './statistics.js';

function play(changes: Partial<GenerateRequest>): Statistics {
  const target = { contextLength: 512 };
  const draft = { divergence: 0.15, contextLength: 512 };
  const world = new DeviceWorld({
    target,
    draft,
    draftMs: 1,
    passMs: 0,
    rowMs: 4,
    roundTripMs: 40,
  });
  const reported = world.generate(0, { tokensMax: 200, ...changes });
  world.run();
  assert.ok(reported.end?.kind === 'ended');
  return reported.end.statistics;
}

describe('advice of an idle server that is bound by arithmetic', () => {
  for (const mode of ['pipeline', 'stop-and-wait'] as const) {
    it(`lets drafts of ${mode} go on: without them each token costs the way`, () => {
      const { testedCount, tokenCount, advisedDraftLength } = play({ mode });
      assert.ok(testedCount > tokenCount / 2, `${testedCount} tested of ${tokenCount} tokens`);
      assert.notEqual(advisedDraftLength, 0);
    });
  }

  it('ends drafts of race, where a row delays the next token of the same text', () => {
    const { testedCount, tokenCount, advisedDraftLength } = play({ mode: 'race' });
    assert.ok(testedCount < tokenCount / 4, `${testedCount} tested of ${tokenCount} tokens`);
    assert.equal(advisedDraftLength, 0);
  });
});

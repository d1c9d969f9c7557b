// Checks what a session is granted, and with which code it is refused otherwise.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type KeyLimits, unlimited } from '../../../base/key-grant.js';
import type { Open } from '../../../protocol/frame.js';
import { openFrame } from '../core-harness.suite.js';
import { scriptedSettings } from '../scripted-target.suite.js';
import type { ServerCoreSettings } from '../settings.js';
import { Tenant } from '../tenants/tenant.js';
import { admit } from './admission.js';

/** @param contextLength of the model. */
function admitted(
  open: Partial<Open>,
  changes: Partial<ServerCoreSettings> = {},
  keyLimits: Partial<KeyLimits> = {},
  contextLength = 40,
) {
  const tenant = new Tenant(1, null, { ...unlimited, ...keyLimits }, 0);
  const settings = { ...scriptedSettings({ contextLength }), ...changes };
  return admit(openFrame(open), null, tenant, settings);
}

function codeOf(...request: Parameters<typeof admitted>): string | null {
  const outcome = admitted(...request);
  return 'code' in outcome ? outcome.code : null;
}

function termsOf(...request: Parameters<typeof admitted>) {
  const outcome = admitted(...request);
  assert.ok('terms' in outcome);
  return outcome.terms;
}

const promptOf = (length: number) =>
  ({ prompt: { kind: 'ids', ids: new Int32Array(length).fill(2) } }) as const;

describe('a session', () => {
  it('is refused a scheme or mode that this server or the protocol does not have', () => {
    assert.equal(codeOf({ scheme: 'greedy' }, { schemes: ['greedy'] }), null);
    assert.equal(codeOf({ scheme: 'coupled' }, { schemes: ['greedy'] }), 'mode-unsupported');
    assert.equal(codeOf({ mode: 'stream' }, { modes: ['race'] }), 'mode-unsupported');
    assert.equal(codeOf({ scheme: 'split', mode: 'race' }), 'mode-unsupported');
  });

  it('has room for its prompt and one token at least', () => {
    assert.equal(codeOf(promptOf(39)), null);
    assert.equal(codeOf(promptOf(40)), 'prompt-too-long');
    const answer = Int32Array.of(2, 2);
    assert.equal(codeOf({ ...promptOf(37), answer }), null);
    assert.equal(codeOf({ ...promptOf(38), answer }), 'prompt-too-long');
    assert.equal(codeOf(promptOf(0)), 'prompt-empty');
  });

  it('has a prompt no longer than server and key allow', () => {
    const { limits } = scriptedSettings();
    const short = { limits: { ...limits, promptTokens: 5 } };
    assert.deepEqual(
      [codeOf(promptOf(5), short), codeOf(promptOf(6), short)],
      [null, 'prompt-too-long'],
    );
    const key = { promptTokens: 4 };
    assert.deepEqual(
      [codeOf(promptOf(4), {}, key), codeOf(promptOf(5), {}, key)],
      [null, 'prompt-too-long'],
    );
  });

  it('has at least one token to write beyond the answer that it begins with', () => {
    const answer = Int32Array.of(2, 2);
    assert.equal(codeOf({ answer, tokensMax: 3 }), null);
    assert.equal(codeOf({ answer, tokensMax: 2 }), 'limit-exceeded');
  });

  it('ends at the length it asked for, or at the context', () => {
    const asked = termsOf({ ...promptOf(10), tokensMax: 30 });
    assert.deepEqual([asked.lengthMax, asked.endsAtContext], [40, false]);
    const cut = termsOf({ ...promptOf(10), tokensMax: 31 });
    assert.deepEqual([cut.lengthMax, cut.endsAtContext], [40, true]);
  });

  it('gets the window it asked for as far as the server allows it', () => {
    assert.equal(termsOf({ windowMax: 8 }).windowMax, 8);
    assert.equal(termsOf({ windowMax: 1000 }).windowMax, 64);
  });

  it('gets hints where it wants them, the target can tell them, and they come in time', () => {
    const { model } = scriptedSettings({ exit: { agreement: 1 } });
    const hinted = (open: Partial<Open>) => termsOf(open, { model }).wantsHints;
    assert.equal(hinted({ wantsHints: true }), true);
    assert.equal(hinted({ wantsHints: false }), false);
    assert.equal(hinted({ wantsHints: true, aggregateMs: 50 }), false);
    assert.equal(termsOf({ wantsHints: true }).wantsHints, false);
  });
});

// Checks that a Failure frame becomes the error of its code, in the server's words if it has any.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { codeTable, wireCodes } from './code.js';
import { errorOfFailure, failureFrame } from './failure.js';

describe('the error of a failure', () => {
  for (const code of wireCodes) {
    const { error } = codeTable[code];
    it(`${code} is ${error ?? 'a refusal of the server'}, and says when to come back`, () => {
      const failure = failureFrame({ code, message: 'because of this', session: null }, 250);
      const told = errorOfFailure(failure);
      assert.equal(told.code, error ?? 'server-refused');
      assert.match(told.message, /because of this/);
      if (error === null) assert.ok(told.message.includes(`(${code})`), told.message);
      else assert.equal(told.retryAfterMs, 250);
    });
  }

  it('says what the code means where the server says nothing', () => {
    const silent = errorOfFailure(
      failureFrame({ code: 'frame-malformed', message: '', session: null }),
    );
    assert.match(silent.message, /refuses: a message is not a frame of this protocol \(/);
  });
});

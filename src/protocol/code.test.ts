// Tests the list of wire codes: complete, unique, and explained.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { errorTable } from '../base/error.js';
import {
  closeCodeOf,
  codeOfCloseCode,
  codeOfNumber,
  codeTable,
  wireCodes,
  wireFault,
} from './code.js';
import { closeFor, failureFrame } from './failure.js';
import { limits } from './limits.js';
import { closeReasonBytesMax } from './transport.js';

describe('wire codes', () => {
  for (const code of wireCodes) {
    const { number, ends, httpStatus, error, meaning, remedy } = codeTable[code];

    it(`${code} has a number of its own that leads back to it`, () => {
      assert.ok(Number.isInteger(number) && number >= 1 && number <= 99);
      assert.equal(codeOfNumber(number), code);
      assert.equal(codeOfCloseCode(closeCodeOf(code)), code);
      assert.equal(closeCodeOf(code), 4000 + number);
    });

    it(`${code} says what happened, what to do, and whether again helps`, () => {
      assert.match(meaning, /^[A-Z][^.]*\.$/);
      assert.match(remedy, /^[A-Z].*\.$/);
      assert.ok(httpStatus >= 400 && httpStatus < 600);
      // 4xx of a request that may be repeated: time-out and quota only.
      const isWaiting = httpStatus >= 500 || httpStatus === 408 || httpStatus === 429;
      assert.equal(codeTable[code].retryable, isWaiting);
    });

    it(`${code} ends what it says`, () => {
      const { session } = wireFault(code, 'why', 7);
      assert.equal(session, ends === 'session' ? 7 : null);
      assert.equal(wireFault(code, 'why', null).session, null);
    });

    if (error !== null) {
      it(`${code} agrees with its twin ${error}`, () => {
        assert.equal(errorTable[error].retryable, codeTable[code].retryable);
      });
    }
  }

  it('rise in number, connection codes below 20', () => {
    const numbers = wireCodes.map((code) => codeTable[code].number);
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
    );
    for (const code of wireCodes) {
      assert.equal(codeTable[code].ends === 'connection', codeTable[code].number < 20, code);
    }
  });

  it('of foreign numbers are null', () => {
    assert.equal(codeOfNumber(0), null);
    assert.equal(codeOfNumber(99), null);
    assert.equal(codeOfCloseCode(1000), null);
    assert.equal(codeOfCloseCode(4000), null);
  });

  it('every limit has a code of the list', () => {
    for (const [name, { code, value, unit, why }] of Object.entries(limits)) {
      assert.ok(wireCodes.includes(code), name);
      assert.ok(Number.isInteger(value) && value > 0, name);
      assert.ok(unit.length > 0 && why.length > 0, name);
    }
  });
});

describe('a failure', () => {
  it('says a fault in a message that fits', () => {
    const fault = wireFault('draft-gap', 'ä'.repeat(600), 3);
    assert.deepEqual(failureFrame(fault), {
      kind: 'failure',
      code: 'draft-gap',
      session: 3,
      message: 'ä'.repeat(512),
      retryAfterMs: 0,
      block: null,
    });
    const block = { vocabSize: 1, from: 0, texts: ['a'] };
    assert.deepEqual(failureFrame(wireFault('vocabulary-mismatch', 'why', 3), 9, block), {
      kind: 'failure',
      code: 'vocabulary-mismatch',
      session: null,
      message: 'why',
      retryAfterMs: 9,
      block,
    });
  });

  it('closes with a reason that fits a close frame', () => {
    for (const code of wireCodes) {
      const { code: closeCode, reason } = closeFor(code);
      assert.equal(codeOfCloseCode(closeCode), reason);
      assert.ok(Buffer.byteLength(reason) <= closeReasonBytesMax);
    }
  });
});

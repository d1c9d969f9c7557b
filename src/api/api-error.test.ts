// Our own codes, as a client of the HTTP door is told them.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ErrorCode, errorTable, PilotfishError } from '../base/error.js';
import { toApiError } from './api-error.js';

/** What goes wrong while a model is loaded or fetched, or inside the engine: never because of what was asked. */
const neverAsked: readonly ErrorCode[] = [
  'segment-invalid',
  'model-not-found',
  'model-not-gguf',
  'model-truncated',
  'model-malformed',
  'model-unsupported',
  'model-too-large',
  'context-too-large',
  'vocabulary-mismatch',
  'exit-head-mismatch',
  'library-not-found',
  'library-incompatible',
  'address-unavailable',
  'download-failed',
  'checksum-mismatch',
];

describe('an error of ours', () => {
  for (const [code, { httpStatus }] of Object.entries(errorTable)) {
    const isMet = !neverAsked.includes(code as ErrorCode);
    it(`${code} is told ${isMet ? `with its own status ${httpStatus}` : 'as a mistake'}`, () => {
      const told = toApiError(new PilotfishError(code as ErrorCode, 'why'));
      assert.equal(told.status, isMet ? httpStatus : 500);
      assert.equal(told.code === 'internal_error', !isMet);
      assert.equal(told.message, 'why');
    });
  }
});

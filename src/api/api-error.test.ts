// Checks that each of our error codes reaches an HTTP client as the right API error.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ErrorCode, errorTable, PilotfishError } from '../base/error.js';
import { toApiError } from './api-error.js';

/** Codes of loading, downloading and the engine. No request causes them. */
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
  'eyes-mismatch',
  'library-not-found',
  'library-incompatible',
  'address-unavailable',
  'download-failed',
  'checksum-mismatch',
];

describe('an error of ours', () => {
  for (const [code, { httpStatus }] of Object.entries(errorTable)) {
    const isMet = !neverAsked.includes(code as ErrorCode);
    it(`${code} is sent ${isMet ? `with its own status ${httpStatus}` : 'as a mistake'}`, () => {
      const sent = toApiError(new PilotfishError(code as ErrorCode, 'why'));
      assert.equal(sent.status, isMet ? httpStatus : 500);
      assert.equal(sent.code === 'internal_error', !isMet);
      assert.equal(sent.message, 'why');
    });
  }
});

// Damages models on purpose: changes to the tiny model, and the check that each is refused with its
// code and a message.

import assert from 'node:assert/strict';
import type { ErrorCode, PilotfishError } from '../../base/error.js';
import { textValue } from './encode.js';
import { textArray } from './encode.suite.js';
import type { GgufValue } from './format.js';
import { checkModelFile } from './model-file.js';
import { writtenModel } from './test-file.suite.js';
import { type TinyModel, tinyModel, tinySizes, tinyTokens, zeros } from './tiny-model.suite.js';
export type Change = (model: TinyModel) => void;

export function malformed(...spoils: Change[]): string {
  const model = tinyModel();
  for (const spoil of spoils) spoil(model);
  return writtenModel(model);
}

export const set =
  (key: string, value: GgufValue): Change =>
  ({ metadata }) =>
    metadata.set(key, value);
export const drop =
  (key: string): Change =>
  ({ metadata }) =>
    metadata.delete(key);
export const retype =
  (
    name: string,
    change: Partial<{ type: 'F16' | 'F32' | 'I32' | 'Q8_0' | 'NVFP4'; dims: number[] }>,
  ): Change =>
  ({ tensors }) => {
    const at = tensors.findIndex((tensor) => tensor.name === name);
    const { type, dims } = { ...tensors[at]!, ...change };
    tensors[at] = zeros(name, type, ...dims);
  };
export const withTokens = (tokens: readonly (string | Uint8Array)[]): Change => {
  return ({ metadata, tensors }) => {
    metadata.set('tokenizer.ggml.tokens', textArray(tokens));
    tensors[0] = zeros('token_embd.weight', 'F16', tinySizes.width, tokens.length);
  };
};
/** The tokens with the last ones replaced. */
export const endingIn = (...last: (string | Uint8Array)[]): Change =>
  withTokens([...tinyTokens().slice(0, -last.length), ...last]);
export const both =
  (...spoils: Change[]): Change =>
  (model) => {
    for (const spoil of spoils) spoil(model);
  };
export const renamed = (architecture: string): Change => {
  return ({ metadata }) => {
    for (const [key, value] of [...metadata]) {
      metadata.delete(key);
      metadata.set(key.replace(/^llama\./, `${architecture}.`), value);
    }
    metadata.set('general.architecture', textValue(architecture));
  };
};

/** The damaged part, the edit, and the message of the refusal. */
export type Refusal = readonly [what: string, spoil: Change, code: ErrorCode, message: RegExp];

export function refusesEach(refusals: readonly Refusal[]): void {
  for (const [what, spoil, code, message] of refusals) {
    const path = malformed(spoil);
    assert.throws(
      () => checkModelFile(path),
      (error: PilotfishError) => {
        assert.equal(error.code, code, `${what}: ${error.message}`);
        assert.match(error.message, message, what);
        assert.ok(error.message.startsWith(`${path}: `), what);
        return true;
      },
      what,
    );
  }
}

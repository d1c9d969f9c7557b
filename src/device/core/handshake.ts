// Builds Hello, and checks the vocabulary in the server's reply.

import { PilotfishError } from '../../base/error.js';
import type { Failure, Hello, Welcome } from '../../protocol/frame.js';
import { versionMax, versionMin } from '../../protocol/version.js';
import { blockHashesOf, differenceText } from '../../protocol/vocabulary-blocks.js';
import type { DeviceCoreSettings, DeviceVocabulary } from './settings.js';

export function helloOf({ name, key, vocabulary }: DeviceCoreSettings): Hello {
  return {
    kind: 'hello',
    versionMin,
    versionMax,
    name,
    key,
    fingerprint: vocabulary?.fingerprint ?? '',
    vocabSize: vocabulary?.size ?? 0,
    blockHashes: vocabulary === null ? new Uint32Array(0) : blockHashesOf(vocabulary),
  };
}

/** `vocabulary-mismatch` with the first difference in words, or null. */
export function vocabularyError(
  vocabulary: DeviceVocabulary | null,
  said: Welcome | Failure,
): PilotfishError | null {
  if (vocabulary === null) return null;
  if (said.kind === 'welcome') {
    if (said.fingerprint !== vocabulary.fingerprint) {
      return mismatch(`the server has ${said.fingerprint}, the device ${vocabulary.fingerprint}`);
    }
    // Tokens are checked against this size: one outside the device's vocabulary has no text.
    if (said.vocabSize === vocabulary.size) return null;
    return mismatch(`the server has ${said.vocabSize} tokens, the device ${vocabulary.size}`);
  }
  return mismatch(differenceText(said.block, vocabulary));
}

const mismatch = (difference: string): PilotfishError =>
  new PilotfishError('vocabulary-mismatch', `draft and target vocabularies differ: ${difference}`);

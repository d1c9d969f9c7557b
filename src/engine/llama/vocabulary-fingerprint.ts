// Hashes a vocabulary to the fingerprint that Hello and Welcome carry. PROTOCOL.md, "Hashes",
// specifies the bytes; vectors/fingerprints.json has values.

import { createHash } from 'node:crypto';

/** Everything that two vocabularies must share to be interchangeable. */
export interface HashedVocabulary {
  readonly size: number;
  /** Start token of prompts, or null. */
  readonly bos: number | null;
  /** Tokens that end a text, rising. */
  readonly endOfText: readonly number[];
  /** Raw text of a token, as the model file has it. */
  tokenText(token: number): string;
  /** llama.cpp's attribute bits of a token. */
  tokenAttributes(token: number): number;
}

/** `sha256:` and 64 hexadecimal digits: the same for vocabularies that share all of this. */
export function vocabularyFingerprint(vocabulary: HashedVocabulary): string {
  const { size, bos, endOfText } = vocabulary;
  const hash = createHash('sha256');
  hash.update(`${size} ${bos} ${endOfText.join(',')}\n`);
  for (let token = 0; token < size; token++) {
    const text = vocabulary.tokenText(token);
    hash.update(`${text.length} ${text} ${vocabulary.tokenAttributes(token)}\n`);
  }
  return `sha256:${hash.digest('hex')}`;
}

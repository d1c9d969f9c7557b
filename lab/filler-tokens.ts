// Lengthens a vocabulary with tokens that no text contains and no tokenizer produces. Their texts
// depend on their ids only: models lengthened alike still share one vocabulary.

import { arrayNumbers, arrayTexts } from '../src/engine/gguf/decode.js';
import { uint32Value } from '../src/engine/gguf/encode.js';
import { numberArray, textArray } from '../src/engine/gguf/encode.suite.js';
import type { GgufArray, GgufValue } from '../src/engine/gguf/format.js';

/** Kind of a token that is never used (LLAMA_TOKEN_TYPE_UNUSED). */
const unusedKind = 5;
/** Below the score of every real piece: SentencePiece scores are minus the rank of a merge. */
const fillerScore = -1e6;

/**
 * Metadata with `vocabSize` tokens, at least the source's, whose arrays are continued.
 *
 * SentencePiece joins two tokens to one, and no beginning of a filler text is a token, so the
 * tokenizer never arrives at one.
 *
 * @param metadata of a model with a SentencePiece tokenizer.
 */
export function withVocabSize(
  metadata: ReadonlyMap<string, GgufValue>,
  architecture: string,
  vocabSize: number,
): Map<string, GgufValue> {
  const array = (name: string) => metadata.get(`tokenizer.ggml.${name}`) as GgufArray | undefined;
  const tokens = array('tokens')!;
  const fillers = Array.from(
    { length: vocabSize - tokens.count },
    (_, i) => `<filler_${tokens.count + i}>`,
  );
  /** The source's numbers, or `absent` for each; then `filler` for each filler token. */
  const continued = (name: string, absent: number, filler: number): number[] => {
    const known = array(name);
    const kept = known && arrayNumbers(known).subarray(0, tokens.count);
    const missed = fillers.map(() => filler);
    return [...(kept ?? new Array<number>(tokens.count).fill(absent)), ...missed];
  };
  const scores = numberArray('float32', continued('scores', 0, fillerScore));
  const kinds = numberArray('int32', continued('token_type', 1, unusedKind));
  return new Map(metadata)
    .set('tokenizer.ggml.tokens', textArray([...arrayTexts(tokens), ...fillers]))
    .set('tokenizer.ggml.scores', scores)
    .set('tokenizer.ggml.token_type', kinds)
    .set(`${architecture}.vocab_size`, uint32Value(vocabSize));
}

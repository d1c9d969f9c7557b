// Lengthens the vocabulary of a model's metadata with tokens that no text contains and no tokenizer
// produces. Their texts depend on their ids only, so two models of one family lengthened alike
// still share one vocabulary.

import { arrayNumbers, arrayTexts } from '../src/engine/gguf/decode.js';
import { uint32Value } from '../src/engine/gguf/encode.js';
import { numberArray, textArray } from '../src/engine/gguf/encode.suite.js';
import type { GgufArray, GgufValue } from '../src/engine/gguf/format.js';

/** Kind of a token that is never used (LLAMA_TOKEN_TYPE_UNUSED). */
const unusedKind = 5;
/** Below the score of every real piece: SentencePiece scores are minus the rank of a merge. */
const fillerScore = -1e6;

/**
 * Metadata with `vocabSize` tokens; the arrays of the source are kept and continued.
 *
 * SentencePiece builds a token by joining two that exist, and no beginning of a filler text is a
 * token, so the tokenizer never arrives at one.
 *
 * @param metadata of a model with a SentencePiece tokenizer; `architecture` is its
 * general.architecture.
 * @param vocabSize at least the number of tokens of the source.
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
  const longer = new Map(metadata);
  longer.set('tokenizer.ggml.tokens', textArray([...arrayTexts(tokens), ...fillers]));
  longer.set(
    'tokenizer.ggml.scores',
    numberArray('float32', continued(array('scores'), tokens.count, fillers, 0, fillerScore)),
  );
  longer.set(
    'tokenizer.ggml.token_type',
    numberArray('int32', continued(array('token_type'), tokens.count, fillers, 1, unusedKind)),
  );
  longer.set(`${architecture}.vocab_size`, uint32Value(vocabSize));
  return longer;
}

/**
 * The numbers of the source, `absent` for each where it has none, then `filler` for each filler
 * token.
 */
function continued(
  array: GgufArray | undefined,
  count: number,
  fillers: readonly string[],
  absent: number,
  filler: number,
): number[] {
  const kept = array
    ? arrayNumbers(array).subarray(0, count)
    : new Array<number>(count).fill(absent);
  return [...kept, ...fillers.map(() => filler)];
}

// Checks the tokenizer part of a header and refuses every vocabulary on which llama.cpp would stop
// the process. Never tokenises. Source: llama_vocab::impl::load and byte_to_token of llama.cpp
// v0.5.0.

import { arrayTexts, quotedBytes } from './decode.js';
import type { ElementType, GgufArray } from './format.js';
import {
  type Metadata,
  optionalArray,
  optionalBool,
  optionalCount,
  optionalText,
  requiredText,
} from './metadata.js';
import { demand, quoted, refuseModel } from './model-error.js';

export interface TokenizerFacts {
  /** `tokenizer.ggml.model`: llama (SentencePiece), gpt2 (byte pairs) and so on. */
  readonly model: string;
  readonly vocabSize: number;
  readonly chatTemplate: string | null;
}

const vocabSizeMax = 2 ** 22;
const idRange = { min: 0, max: 2 ** 32 - 1 };

/** Start and end tokens that llama.cpp assumes if the file names none; null: none. */
const assumedTokens: Readonly<Record<string, { bos: number | null; eos: number | null }>> = {
  llama: { bos: 1, eos: 2 },
  gpt2: { bos: 11, eos: 11 },
  gemma4: { bos: null, eos: null },
  plamo2: { bos: 1, eos: 2 },
};

/**
 * @throws PilotfishError `model-malformed` (missing or short arrays, equal tokens, a byte without a
 *   token), `model-unsupported` for a tokenizer that no decoder model uses.
 */
export function tokenizerOf(metadata: Metadata): TokenizerFacts {
  const model = requiredText(metadata, 'tokenizer.ggml.model');
  if (!Object.hasOwn(assumedTokens, model)) {
    refuseModel('model-unsupported', `tokenizer ${quoted(model)}; ${known()} can be used`);
  }
  const tokens = arrayOf(metadata, 'tokens', ['string']);
  demand(tokens !== null, 'metadata key tokenizer.ggml.tokens is missing');
  const vocabSize = tokens.count;
  demand(
    vocabSize >= 1 && vocabSize <= vocabSizeMax,
    `tokenizer.ggml.tokens has ${vocabSize} tokens, must be in [1, ${vocabSizeMax}]`,
  );
  for (const [name, types] of [
    ['scores', ['float32', 'int32']],
    ['token_type', ['int32']],
  ] as const) {
    const array = arrayOf(metadata, name, types);
    demand(
      array === null || array.count >= vocabSize,
      `tokenizer.ggml.${name} has ${array?.count} elements for ${vocabSize} tokens`,
    );
  }
  const spelled = distinctTokens(tokens);
  if (model === 'llama') demandEveryByte(spelled);
  if (model === 'gpt2' || model === 'gemma4') {
    demand(arrayOf(metadata, 'merges', ['string']) !== null, 'tokenizer.ggml.merges is missing');
  }
  demandStartAndEnd(metadata, model, vocabSize);
  return { model, vocabSize, chatTemplate: optionalText(metadata, 'tokenizer.chat_template') };
}

function known(): string {
  return Object.keys(assumedTokens).join(', ');
}

function arrayOf(
  metadata: Metadata,
  name: string,
  elementTypes: readonly ElementType[],
): GgufArray | null {
  const array = optionalArray(metadata, `tokenizer.ggml.${name}`);
  demand(
    array === null || elementTypes.includes(array.elementType),
    `tokenizer.ggml.${name} is an array of ${array?.elementType}, must be of ${elementTypes.join(' or ')}`,
  );
  return array;
}

/**
 * The texts of all tokens as llama.cpp stores them: cut at a NUL, and never empty. llama.cpp
 * asserts that they differ. One character per byte, so equal strings are equal bytes.
 */
function distinctTokens(tokens: GgufArray): Set<string> {
  const seen = new Set<string>();
  let id = 0;
  for (const text of arrayTexts(tokens)) {
    const end = text.indexOf(0);
    const kept = end < 0 ? text : text.subarray(0, end);
    const stored = Buffer.from(kept.buffer, kept.byteOffset, kept.length).toString('latin1');
    const spelled = stored === '' ? `[EMPTY_${id}]` : stored;
    if (seen.has(spelled)) {
      refuseModel(
        'model-malformed',
        `token ${id} has the text ${quotedBytes(kept)} of an earlier token`,
      );
    }
    seen.add(spelled);
    id++;
  }
  return seen;
}

/** SentencePiece spells uncovered text byte by byte; a byte without a token ends the process. */
function demandEveryByte(spelled: ReadonlySet<string>): void {
  for (let byte = 0; byte < 256; byte++) {
    const name = `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
    demand(
      spelled.has(name) || spelled.has(String.fromCharCode(byte)),
      `no token stands for the byte ${name}, so that not every text can be tokenised`,
    );
  }
}

/** Pre-tokenizers for which llama.cpp always adds a start token. */
const startTokenForced = ['gemma4', 'granite-embed-multi-311m'];

/** A tokenizer told to add a missing start or end token fails an assertion at the first text. */
function demandStartAndEnd(metadata: Metadata, model: string, vocabSize: number): void {
  const inside = (id: number | null): boolean => id !== null && id < vocabSize;
  const given = (name: string) =>
    optionalCount(metadata, `tokenizer.ggml.${name}_token_id`, idRange);
  const adds = (name: string) => optionalBool(metadata, `tokenizer.ggml.add_${name}_token`);
  const has = (name: 'bos' | 'eos') => inside(given(name)) || inside(assumedTokens[model]![name]);
  const pre = optionalText(metadata, 'tokenizer.ggml.pre') ?? '';
  const forced = model === 'gemma4' || startTokenForced.includes(pre);
  demand(
    has('bos') || (adds('bos') === false && !forced),
    `there is no start token: tokenizer.ggml.bos_token_id is ${given('bos')} of ${vocabSize} tokens`,
  );
  demand(
    has('eos') || adds('eos') !== true,
    `there is no end token: tokenizer.ggml.eos_token_id is ${given('eos')} of ${vocabSize} tokens`,
  );
}

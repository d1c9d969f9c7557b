// Checks the tokenizer part of a header and refuses every vocabulary on which llama.cpp would fail
// only when it tokenises. What it refuses while it loads is left to the probe of src/engine/llama.
// Source: byte_to_token of llama.cpp v0.5.0.

import { arrayTexts } from './decode.js';
import type { GgufArray } from './format.js';
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

const idRange = { min: 0, max: 2 ** 32 - 1 };

/** Start and end tokens that llama.cpp assumes if the file names none; null: none. */
const assumedTokens: Readonly<Record<string, { bos: number | null; eos: number | null }>> = {
  llama: { bos: 1, eos: 2 },
  gpt2: { bos: 11, eos: 11 },
  gemma4: { bos: null, eos: null },
  plamo2: { bos: 1, eos: 2 },
};

/**
 * @throws PilotfishError `model-malformed` (no tokens, a byte without a token, no start or end
 *   token), `model-unsupported` for a tokenizer that no decoder model uses.
 */
export function tokenizerOf(metadata: Metadata): TokenizerFacts {
  const model = requiredText(metadata, 'tokenizer.ggml.model');
  if (!Object.hasOwn(assumedTokens, model)) {
    refuseModel('model-unsupported', `tokenizer ${quoted(model)}; ${known()} can be used`);
  }
  const tokens = optionalArray(metadata, 'tokenizer.ggml.tokens');
  demand(tokens !== null, 'metadata key tokenizer.ggml.tokens is missing');
  demand(
    tokens.elementType === 'string',
    `tokenizer.ggml.tokens is an array of ${tokens.elementType}, must be of string`,
  );
  const vocabSize = tokens.count;
  demand(vocabSize > 0, 'tokenizer.ggml.tokens is empty');
  if (model === 'llama') demandEveryByte(tokens);
  demandStartAndEnd(metadata, model, vocabSize);
  return { model, vocabSize, chatTemplate: optionalText(metadata, 'tokenizer.chat_template') };
}

function known(): string {
  return Object.keys(assumedTokens).join(', ');
}

/** SentencePiece spells uncovered text byte by byte; a byte without a token ends the process. */
function demandEveryByte(tokens: GgufArray): void {
  // One character per byte. llama.cpp cuts a text at a NUL, so that none spells the byte 0 itself.
  const spelled = new Set<string>();
  for (const text of arrayTexts(tokens)) {
    if (text.length <= 6 && !text.includes(0)) spelled.add(String.fromCharCode(...text));
  }
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

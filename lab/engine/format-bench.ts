// Times what a format costs beside the logits: masks, new and known, putting one on a row, and log-
// probabilities. Over made-up vocabularies of real sizes.

import { Grammar } from '../../src/grammar/grammar.js';
import { type TokenTable, type TokenTrie, tokenTrie } from '../../src/grammar/token-trie.js';
import { tokenLogprobs } from '../../src/math/logprobs.js';
import { noiseKey, uniform } from '../../src/math/noise.js';
import { median } from '../../src/math/statistics.js';
import { applyMask, isAllowed } from '../../src/math/token-mask.js';
import { inTurn, type OnRow } from '../paired.js';

const vocabSizes = [32_000, 128_000];

const schemas: Record<string, unknown> = {
  'any object': { type: 'object' },
  record: {
    type: 'object',
    properties: {
      name: { type: 'string' },
      age: { type: 'integer' },
      tags: { type: 'array', items: { type: 'string' } },
      kind: { enum: ['red', 'green', 'blue'] },
    },
    required: ['name', 'age', 'tags', 'kind'],
    additionalProperties: false,
  },
  'string of 200': { type: 'string', maxLength: 200 },
};
/** What is written under each. */
const texts: Record<string, string> = {
  'any object':
    '{"to": {"the": [1, {"sea": "ten times the stone", "tin": [true, null]}], "on": ""}}',
  record:
    '{"name": "the stone on the sea", "age": 312, "tags": ["a", "tin line"], "kind": "green"}',
  'string of 200': `"${'the stone on the sea and the line in the tin '.repeat(3)}"`,
};

/** Milliseconds of this machine. About half a minute. */
export async function benchFormats(onRow: OnRow) {
  const rows = await inTurn(vocabSizes, async (size) => {
    const vocabulary = madeUpVocabulary(size);
    const { ms: trieMs, value: trie } = timed(() => tokenTrie(vocabulary));
    const benchSchema = async (schema: string) => ({
      ...{ schema, vocabulary: size, trieMs },
      ...{ ...timeSchema(schema, vocabulary, trie), ...timeRow(size) },
    });
    return inTurn(Object.keys(schemas), benchSchema, onRow);
  });
  return rows.flat();
}

function timed<T>(work: () => T): { readonly ms: number; readonly value: T } {
  const started = performance.now();
  const value = work();
  return { ms: performance.now() - started, value };
}

const warmUpTurns = 3;

function timeSchema(name: string, vocabulary: TokenTable, trie: TokenTrie) {
  const text = texts[name]!;
  const make = (): Grammar => new Grammar(JSON.stringify(schemas[name]), vocabulary, trie);
  for (let turn = 0; turn < warmUpTurns; turn++) maskTimes(make(), vocabulary, text);
  const { ms: compileMs, value: grammar } = timed(make);
  const fresh = maskTimes(grammar, vocabulary, text);
  const known = maskTimes(grammar, vocabulary, text);
  return {
    compileMs,
    /** Of masks asked for the first time, in a grammar whose code is warm. */
    newMs: median(fresh),
    newMaxMs: Math.max(...fresh),
    /** Of the same masks asked for again. */
    knownMs: median(known),
  };
}

/** Of the mask before each token of a text, written by the longest tokens that fit. */
function maskTimes(grammar: Grammar, vocabulary: TokenTable, text: string): number[] {
  const times: number[] = [];
  let state = grammar.start;
  for (let rest = text; rest !== ''; ) {
    const { ms, value: mask } = timed(() => grammar.mask(state));
    times.push(ms);
    const token = longestToken(vocabulary, rest, (one) => isAllowed(mask, one));
    state = grammar.advance(state, token);
    rest = rest.slice(vocabulary.tokenBytes(token).length);
  }
  return times;
}

function longestToken(
  { size, tokenBytes }: TokenTable,
  text: string,
  isIn: (token: number) => boolean,
): number {
  let [best, length] = [-1, 0];
  for (let token = 0; token < size; token++) {
    const bytes = tokenBytes(token);
    if (bytes.length <= length || !isIn(token)) continue;
    if (bytes.every((byte, index) => byte === text.charCodeAt(index))) {
      [best, length] = [token, bytes.length];
    }
  }
  return best;
}

const rowTurns = 40;

function timeRow(vocabSize: number) {
  const key = noiseKey(1n, 'draft');
  const row = Float32Array.from({ length: vocabSize }, (_, id) => 8 * uniform(key, 0, id));
  const mask = Uint32Array.from({ length: Math.ceil(vocabSize / 32) }, (_, word) =>
    word % 3 === 0 ? 0x0f0f0f0f : 0,
  );
  const times = (work: () => unknown): number =>
    median(Array.from({ length: rowTurns }, () => timed(work).ms));
  return {
    /** To put a mask on a row. */
    applyMs: times(() => applyMask(row.slice(), mask)),
    /** One token with 20 alternatives. */
    logprobsMs: times(() => tokenLogprobs(row, 7, 20)),
  };
}

const letters = 'etaoinshrdlucmfwypvbgkjqxz';
const marks = [
  '":',
  '": "',
  '",',
  '", "',
  '{"',
  '"}',
  '},',
  '}}',
  '[{',
  '"]',
  '":[',
  "', '",
  '\n    ',
];
const encoder = new TextEncoder();

/** Each byte, an end, marks of JSON, and words, frequent letters first. */
function madeUpVocabulary(size: number): TokenTable {
  const key = noiseKey(2n, 'draft');
  let drawn = 0;
  const below = (count: number): number => Math.floor(uniform(key, 1, drawn++) * count);
  const tokens = Array.from({ length: 257 }, (_, byte) =>
    Uint8Array.of(byte).subarray(0, byte < 256 ? 1 : 0),
  );
  const seen = new Set(marks);
  for (const mark of marks) tokens.push(encoder.encode(mark));
  while (tokens.length < size) {
    const count = 1 + below(4) + below(5);
    const word = Array.from({ length: count }, () => letters[Math.min(below(26), below(26))]).join(
      '',
    );
    const text = (below(3) === 0 ? '' : ' ') + word + (below(60) === 0 ? '"' : '');
    if (seen.has(text)) continue;
    seen.add(text);
    tokens.push(encoder.encode(text));
  }
  return { size, endOfText: new Set([256]), tokenBytes: (token) => tokens[token]! };
}

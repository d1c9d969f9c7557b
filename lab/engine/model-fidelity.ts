// How far the laws of one model file lie from those of another on the first one's own text, and how far the logits of a
// row move when other rows share its pass.

import { assert } from '../../src/base/assert.js';
import { openLlama } from '../../src/engine/llama/ffi.js';
import { findLibrary } from '../../src/engine/llama/library.js';
import type { NativeModel } from '../../src/engine/llama/native-model.js';
import { NativeVocabulary } from '../../src/engine/llama/native-vocabulary.js';
import type { Part } from '../../src/engine/row-model.js';
import { openBare } from './model-speed.js';

export interface LawDistance {
  readonly positions: number;
  /** Share of positions where both would write the same token under greedy, in [0, 1]. */
  readonly argmaxShare: number;
  /** Mean KL(yardstick || other) of the softmax at temperature 1, in nats. */
  readonly klNats: number;
}

/** @param tokensMax tokens of greedy text per prompt. */
export function compareLaws(
  yardstick: string,
  other: string,
  prompts: readonly string[],
  tokensMax: number,
): LawDistance {
  const [first, second] = [openBare(yardstick, 1), openBare(other, 1)];
  let positions = 0;
  let equal = 0;
  let nats = 0;
  for (const prompt of prompts) {
    let tokens = tokenize(first, prompt);
    let from = 0;
    for (let written = 0; written < tokensMax; written++) {
      const rows = [first, second].map((model) => {
        model.feed([{ slot: 0, from, tokens, rowCount: 1 }]);
        return logProbs(model.row(0));
      });
      const token = argmax(rows[0]!);
      if (token === argmax(rows[1]!)) equal++;
      nats += divergence(rows[0]!, rows[1]!);
      positions++;
      from += tokens.length;
      tokens = Int32Array.of(token);
    }
    for (const model of [first, second]) model.truncate(0, 0);
  }
  for (const model of [first, second]) model.close();
  return { positions, argmaxShare: equal / positions, klNats: nats / positions };
}

export interface ShapeDistance {
  /** Largest difference of a logit computed alone and in company: as the last of 2 to 17 rows, or beside a slot. */
  readonly againstOne: number;
  /** Largest difference of a logit among those in company; 0 means bit for bit. */
  readonly amongMore: number;
}

/** Rows of the longest draft and the token before it. */
const rowsMax = 17;
/** Makes every prompt longer than that. */
const opening = 'This is a story that my grandmother told me on a long winter evening by the fire.';

/** The row after each prompt, computed as the last of 1, 2, ... 17 rows, with and without another slot in the pass. */
export function compareShapes(path: string, prompts: readonly string[]): ShapeDistance {
  const model = openBare(path, 2);
  let againstOne = 0;
  let amongMore = 0;
  for (const prompt of prompts) {
    const tokens = tokenize(model, `${opening} ${prompt}`);
    assert(tokens.length >= rowsMax + 2, `${tokens.length} tokens do not fill ${rowsMax} rows`);
    const alone = lastRow(model, tokens, 1, 0);
    const second = lastRow(model, tokens, 2, 0);
    for (let rowCount = 1; rowCount <= rowsMax; rowCount++) {
      for (const besideCount of rowCount === 1 ? [1, 5] : [0, 1, 5]) {
        const row = lastRow(model, tokens, rowCount, besideCount);
        againstOne = Math.max(againstOne, largestDifference(row, alone));
        amongMore = Math.max(amongMore, largestDifference(row, second));
      }
    }
  }
  model.close();
  return { againstOne, amongMore };
}

/**
 * The prefix is one pass of several rows for every `rowCount`, so that only the last pass differs in shape.
 *
 * @param besideCount tokens of another slot in the last pass, >= 0.
 * @returns [vocab] a copy.
 */
function lastRow(
  model: NativeModel,
  tokens: Int32Array,
  rowCount: number,
  besideCount: number,
): Float32Array {
  const from = tokens.length - rowCount;
  for (const slot of [0, 1]) model.truncate(slot, 0);
  model.feed([{ slot: 0, from: 0, tokens: tokens.subarray(0, from), rowCount: 0 }]);
  const part: Part = { slot: 0, from, tokens: tokens.subarray(from), rowCount };
  const beside: Part = { slot: 1, from: 0, tokens: tokens.subarray(0, besideCount), rowCount: 0 };
  model.feed(besideCount === 0 ? [part] : [part, beside]);
  return model.row(rowCount - 1).slice();
}

/** Tokens of a text, the start token first; for a model that is open without an engine. */
export function tokenize(model: NativeModel, text: string): Int32Array {
  const vocabulary = new NativeVocabulary(
    openLlama(findLibrary()),
    model.modelPointer,
    () => false,
  );
  return vocabulary.tokenize(text, { addBos: true, parseSpecial: false });
}

/** @returns [vocab] of the softmax at temperature 1. */
function logProbs(logits: Float32Array): Float64Array {
  const largest = logits.reduce((most, logit) => Math.max(most, logit), -Infinity);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - largest), 0);
  const logSum = largest + Math.log(sum);
  return Float64Array.from(logits, (logit) => logit - logSum);
}

const argmax = (row: Float64Array): number =>
  row.reduce((best, value, index) => (value > row[best]! ? index : best), 0);

const divergence = (row: Float64Array, other: Float64Array): number =>
  row.reduce((total, value, index) => total + Math.exp(value) * (value - other[index]!), 0);

const largestDifference = (row: Float32Array, other: Float32Array): number =>
  row.reduce((most, value, index) => Math.max(most, Math.abs(value - other[index]!)), 0);

// Checks that marked text shows each token with its mark, and whole characters only.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SpeculationRound } from '../../engine/local/speculate.js';
import { MarkedText } from './marked-text.js';

const words = ['', 'Once', ' upon', ' a', ' time', ' the', '\u{1f421}', '.'];
const encoded = words.map((word) => new TextEncoder().encode(word));
const [fishHead, fishTail] = [encoded[6]!.subarray(0, 2), encoded[6]!.subarray(2)];
/** Tokens 8 and 9 are the two halves of a character; token 0 is a control token. */
const vocabulary = { tokenBytes: (token: number) => [...encoded, fishHead, fishTail][token]! };

const round = (drafted: number[], acceptedCount: number, tokens: number[]): SpeculationRound => ({
  drafted,
  acceptedCount,
  tokens,
  final: acceptedCount < drafted.length ? 'residual' : 'bonus',
});

function mark(rounds: readonly SpeculationRound[], stops: readonly string[] = []) {
  const shown: string[] = [];
  const marked = new MarkedText(vocabulary, {
    stops,
    show: (mark, text) => shown.push(`${mark}:${text}`),
  });
  const kept = rounds.map((one) => marked.push(one));
  marked.end();
  return { shown, kept, text: marked.text, stopped: marked.stopped };
}

test('every token is shown with its mark, in the order of the verdicts', () => {
  const { shown, text } = mark([
    round([], 0, [1]),
    round([2, 5, 4], 1, [2, 3]),
    round([4], 1, [4, 7]),
  ]);
  assert.deepEqual(shown, [
    'plain:Once',
    'accepted: upon',
    'rejected: the time',
    'residual: a',
    'accepted: time',
    'bonus:.',
  ]);
  assert.equal(text, 'Once upon a time.');
});

test('a character whose halves have two marks is shown once, whole', () => {
  const { shown, text } = mark([round([8, 8, 9], 1, [8, 9])]);
  assert.deepEqual(shown, ['rejected:\u{1f421}', 'residual:\u{1f421}']);
  assert.equal(text, '\u{1f421}');
});

test('an unfinished character at the end is shown as such', () => {
  assert.equal(mark([round([], 0, [8])]).text, '\ufffd');
});

test('tokens after a stop string are dropped, those that make it are kept', () => {
  const { shown, kept, text, stopped } = mark([round([1, 2, 3, 4], 4, [1, 2, 3, 4, 7])], ['n a']);
  assert.deepEqual(shown, ['accepted:Once', 'accepted: upo']);
  assert.deepEqual([kept, text, stopped], [[[1, 2, 3]], 'Once upo', true]);
});

test('rejected drafts wait for the text before them', () => {
  const { shown } = mark([round([2, 5], 1, [2, 4]), round([], 0, [3])], ['upon a']);
  assert.deepEqual(shown, [
    'accepted: ',
    'accepted:upon',
    'rejected: the',
    'residual: time',
    'plain: a',
  ]);
});

test('a text that ends inside a draft shows no final token', () => {
  const { shown, text } = mark([round([7, 0], 2, [7, 0])]);
  assert.deepEqual([shown, text], [['accepted:.'], '.']);
});

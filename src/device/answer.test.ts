// Checks an answer's text against what the core reports: pieces add up, retracted tokens leave no
// trace, stop strings end it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { scriptedVocabulary } from '../engine/scripted-vocabulary.js';
import { AnswerStream, type Piece } from './answer.js';
import type { AnswerEffect } from './core/event.js';
import type { Statistics } from './core/statistics.js';
import type { TokenOrigin } from './core/token.js';

const vocabulary = scriptedVocabulary(16);
const idOf = (text: string): number =>
  Array.from({ length: 16 }, (_, token) => token).find(
    (token) => vocabulary.tokenText(token) === text,
  )!;
const statistics = { tokenCount: 0 } as Statistics;

class Reported {
  readonly answer: AnswerStream;
  cancelCount = 0;

  constructor(stops: readonly string[], endsUnverified = false) {
    const cancel = (): void => {
      this.cancelCount++;
    };
    this.answer = new AnswerStream({ vocabulary, stops, endsUnverified, cancel });
    this.take({ kind: 'prompt', answer: 0, promptLength: 10 });
  }

  take(news: AnswerEffect): this {
    this.answer.take(news);
    return this;
  }

  /** Letters from an index of the answer on. */
  tokens(index: number, letters: string, origin: TokenOrigin = 'target'): this {
    const tokens = [...letters].map((letter, offset) => ({
      position: 10 + index + offset,
      token: idOf(letter),
      origin,
    }));
    return this.take({ kind: 'tokens', answer: 0, tokens });
  }

  confirmed(from: number, to: number): this {
    return this.take({ kind: 'confirmed', answer: 0, from: 10 + from, to: 10 + to });
  }

  retracted(from: number): this {
    return this.take({ kind: 'retracted', answer: 0, from: 10 + from });
  }

  ended(reason: 'length' | 'cancelled' = 'length', isVerified = true): this {
    return this.take({ kind: 'ended', answer: 0, reason, isVerified, statistics });
  }

  async pieces(): Promise<Piece[]> {
    const pieces: Piece[] = [];
    for await (const piece of this.answer) pieces.push(piece);
    return pieces;
  }
}

/** The text a reader puts together who follows the rules of Piece. */
function textOf(pieces: readonly Piece[]): string {
  let text = '';
  for (const piece of pieces) {
    if (piece.kind === 'retracted') text = text.slice(0, piece.textLength);
    else if (piece.kind !== 'confirmed') text += piece.text;
  }
  return text;
}

describe('an answer', () => {
  it('ends before a stop string that spans tokens, tells the core, and drops what comes later', async () => {
    const reported = new Reported(['in']).tokens(0, 'aei').tokens(3, 'noa').tokens(6, 'e');
    assert.equal(reported.cancelCount, 0, 'never while the core is telling');
    await Promise.resolve();
    assert.equal(reported.cancelCount, 1);
    reported.ended('cancelled');
    assert.equal(textOf(await reported.pieces()), 'ae');
    const { reason, text, tokens, isVerified } = await reported.answer.result;
    assert.deepEqual([reason, text, tokens.length, isVerified], ['stop', 'ae', 4, true]);
  });

  it('gives back at the end what only began like a stop string', async () => {
    const reported = new Reported(['ino']).tokens(0, 'aein').ended();
    assert.equal(textOf(await reported.pieces()), 'aein');
    assert.equal((await reported.answer.result).reason, 'length');
  });

  it('a provisional stop string ends nothing before it is verified', async () => {
    const kept = new Reported(['in']).tokens(0, 'a').tokens(1, 'einoa', 'provisional');
    kept.confirmed(1, 3);
    await Promise.resolve();
    assert.equal(kept.cancelCount, 0);
    kept.confirmed(3, 5);
    await Promise.resolve();
    assert.equal(kept.cancelCount, 1);
    kept.ended('cancelled');
    assert.equal(textOf(await kept.pieces()), 'ae');
    const result = await kept.answer.result;
    assert.deepEqual([result.reason, result.tokens.length], ['stop', 4]);
  });

  it('a provisional stop string that is taken back is forgotten', async () => {
    const reported = new Reported(['in']).tokens(0, 'a').tokens(1, 'einoa', 'provisional');
    reported.retracted(5).retracted(3).tokens(3, 'eo').ended();
    assert.equal(textOf(await reported.pieces()), 'aeieo');
    const { text, tokens, reason } = await reported.answer.result;
    assert.deepEqual([text, tokens.length, reason], ['aeieo', 5, 'length']);
    assert.equal(reported.cancelCount, 0);
  });

  it('draft-only ends on an unverified stop string and says so', async () => {
    const reported = new Reported(['in'], true).tokens(0, 'a').tokens(1, 'einoa', 'provisional');
    await Promise.resolve();
    assert.equal(reported.cancelCount, 1);
    reported.retracted(1).ended('cancelled');
    const { reason, text, isVerified } = await reported.answer.result;
    assert.deepEqual([reason, text, isVerified], ['stop', 'ae', false]);
  });
});

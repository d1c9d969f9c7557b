// Checks that chats find the text of their last turn in a cache: in the slot they left, in a copy,
// or in an image; only their own key's, and never a wrong token.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { unlimited } from '../../../base/key-grant.js';
import type { Open } from '../../../protocol/frame.js';
import { Harness, type HarnessOptions, hello, openFrame, tokensOf } from '../core-harness.suite.js';
import { targetText } from '../scripted-target.suite.js';

const contextLength = 256;
const answerLength = 6;

/** Chats of one service, each a growing list of tokens. */
class Chats {
  readonly harness: Harness;
  readonly #texts = new Map<number, number[]>();
  readonly #keys = new Map<string, number>();
  #session = 0;
  cacheable = 0;
  cached = 0;

  constructor(slotCount: number, settings: HarnessOptions['settings'] = {}) {
    this.harness = new Harness({
      model: { slotCount, contextLength },
      settings: { swapBytesMax: 1e6, ...settings },
    });
  }

  #connectionOf(key: string): number {
    const known = this.#keys.get(key);
    if (known !== undefined) return known;
    const connection = this.#keys.size + 1;
    this.#keys.set(key, connection);
    this.harness.connect(connection, hello, { id: key, limits: unlimited });
    return connection;
  }

  /** One turn: the user's tokens, then the answer. @returns prompt tokens that were cached. */
  turn(chat: number, said: readonly number[], key = 'one'): number {
    const connection = this.#connectionOf(key);
    const before = this.#texts.get(chat) ?? [];
    const ids = Int32Array.from([...before, ...said]);
    const session = this.#session++;
    const prompt = { kind: 'ids', ids } as const;
    const open: Open = openFrame({ session, prompt, mode: 'stream', tokensMax: answerLength });
    this.harness.send(connection, open);
    this.harness.settle();
    const answer = tokensOf(this.harness.take(connection));
    assert.deepEqual(answer, targetText(open).slice(ids.length, ids.length + answerLength));
    const cached = this.harness.core.cachedCountOf({ connection, session })!;
    this.harness.send(connection, { kind: 'close', session });
    this.harness.take(connection);
    this.#texts.set(chat, [...ids, ...answer]);
    this.cacheable += before.length;
    if (before.length > 0) this.cached += cached;
    return cached;
  }
}

/** Distinct texts: no two chats begin alike. */
const saidBy = (chat: number, turn: number): number[] => {
  const own = Array.from({ length: 12 }, (_, at) => 1 + ((chat * 5 + turn * 3 + at * at) % 9));
  return turn === 0 ? [0, 1 + chat, ...own] : own;
};

describe('the cache of a chat', () => {
  for (const [chatCount, slotCount] of [
    [1, 1],
    [1, 2],
    [2, 2],
    [3, 4],
    [4, 4],
    [4, 8],
    [6, 4],
  ] as const) {
    it(`serves all but the last token of every turn, ${chatCount} chats on ${slotCount} slots`, () => {
      const chats = new Chats(slotCount);
      const turns = 5;
      for (let turn = 0; turn < turns; turn++) {
        for (let chat = 0; chat < chatCount; chat++) chats.turn(chat, saidBy(chat, turn));
      }
      // The last token of an answer is in no cache: nothing was computed after it.
      assert.equal(chats.cached, chats.cacheable - chatCount * (turns - 1));
    });
  }

  it('is kept in place, however short the common beginning is', () => {
    const chats = new Chats(1);
    chats.turn(0, [0, 3, 5, 7, 2]);
    assert.equal(chats.turn(1, [0, 3, 5, 8]), 3);
  });

  it('leaves the last token of a prompt to compute, since its row is wanted', () => {
    const chats = new Chats(1);
    chats.turn(0, [0, 3, 5, 7, 2]);
    assert.equal(chats.turn(1, [0, 3, 5, 7, 2]), 4);
  });

  it('is spared where another text only begins alike', () => {
    const system = Array.from({ length: 40 }, (_, at) => 1 + (at % 7));
    const chats = new Chats(2);
    chats.turn(0, [...system, ...Array.from({ length: 60 }, (_, at) => 1 + (at % 5))]);
    assert.equal(chats.turn(1, [...system, 9, 9, 9]), 40, 'copied to the empty slot');
    assert.equal(chats.turn(0, [4, 4]), 40 + 60 + answerLength - 1, 'kept in place');
  });

  it('is not shared with another key, in place, copied or saved', () => {
    const text = Array.from({ length: 40 }, (_, at) => 1 + (at % 7));
    for (const slotCount of [1, 2, 4]) {
      const chats = new Chats(slotCount);
      chats.turn(0, text, 'one');
      assert.equal(chats.turn(1, text, 'other'), 0);
      for (let chat = 2; chat < 6; chat++) chats.turn(chat, saidBy(chat, 0), 'one');
      assert.equal(chats.turn(7, text, 'third'), 0);
      assert.equal(chats.turn(8, text, 'other'), 39);
    }
  });

  it('is shared with other keys where the operator says so, in place, copied and saved', () => {
    const text = Array.from({ length: 40 }, (_, at) => 1 + (at % 7));
    for (const slotCount of [1, 2, 4]) {
      const chats = new Chats(slotCount, { sharesPrefixesAcrossKeys: true });
      chats.turn(0, text, 'one');
      assert.equal(chats.turn(1, text, 'other'), 39);
      for (let chat = 2; chat < 6; chat++) chats.turn(chat, saidBy(chat, 0), 'one');
      assert.equal(chats.turn(7, text, 'third'), 39);
    }
  });

  it('is counted as shared in whichever way another session gets it', () => {
    const text = Array.from({ length: 40 }, (_, at) => 1 + (at % 7));
    const shared = (chats: Chats): number => chats.harness.core.stats().sharedTokenCount;
    const inPlace = new Chats(1);
    inPlace.turn(0, text);
    inPlace.turn(1, text);
    assert.equal(shared(inPlace), 39, 'in place');
    const saved = new Chats(1);
    saved.turn(0, text);
    saved.turn(1, [9, 9, 9]);
    saved.turn(2, text);
    assert.equal(shared(saved), 39, 'from an image');
    const apart = new Chats(1);
    apart.turn(0, text, 'one');
    apart.turn(1, text, 'other');
    assert.equal(shared(apart), 0, 'another key gets nothing');
  });

  it('is saved from sixteen tokens on, where another text takes its slot', () => {
    for (const [length, count] of [
      [16, 1],
      [15, 0],
    ] as const) {
      const chats = new Chats(1);
      const said = Array.from({ length: length - answerLength + 1 }, () => 3);
      chats.turn(0, said);
      chats.turn(1, [5, 7]);
      assert.equal(chats.harness.core.stats().images.count, count);
    }
  });

  it('is computed again where no image fits', () => {
    const chats = new Chats(1, { swapBytesMax: 0 });
    chats.turn(0, saidBy(0, 0));
    chats.turn(1, saidBy(1, 0));
    assert.equal(chats.turn(0, saidBy(0, 1)), 1, 'the first token alone is the same');
    assert.equal(chats.harness.core.stats().images.count, 0);
  });

  it('is never of another text, and images stay within their bytes, whatever chats come', () => {
    const turn = fc.record({
      chat: fc.integer({ min: 0, max: 5 }),
      key: fc.constantFrom('one', 'other'),
      said: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 24 }),
    });
    const service = fc.record({
      slotCount: fc.integer({ min: 1, max: 4 }),
      swapBytesMax: fc.constantFrom(0, 300, 1200, 1e6),
      turns: fc.array(turn, { minLength: 1, maxLength: 24 }),
    });
    fc.assert(
      fc.property(service, ({ slotCount, swapBytesMax, turns }) => {
        const chats = new Chats(slotCount, { swapBytesMax });
        const lengths = new Map<number, number>();
        for (const { chat, key, said } of turns) {
          const own = key === 'one' ? chat : chat + 10;
          const length = (lengths.get(own) ?? 0) + said.length + answerLength;
          if (length >= contextLength) continue;
          lengths.set(own, length);
          // The text itself is compared in each turn.
          chats.turn(own, said, key);
          assert.ok(chats.harness.core.stats().images.bytes <= swapBytesMax);
        }
      }),
      { numRuns: 60 },
    );
  });
});

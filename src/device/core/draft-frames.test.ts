// Checks how a piece of the chain is cut into frames: by tokens, by entries of laws, by bytes.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InvariantError } from '../../base/assert.js';
import { type DraftPiece, draftFrames } from './draft-frames.js';
import { drafted } from './session-view.suite.js';

const law = { kind: 'dense', probs: new Float64Array(16).fill(1 / 16) } as const;

const pieceOf = (count: number, changes: Partial<DraftPiece> = {}): DraftPiece => ({
  session: 7,
  epoch: 2,
  from: 3,
  tokens: Array.from({ length: count }, (_, index) => ({
    ...drafted(3 + index, index),
    law,
    prob: 1 / 16,
  })),
  scheme: 'coupled',
  residual: null,
  hasMore: false,
  tellsChances: false,
  offered: { draftTokens: 4, frameBytes: 1 << 20 },
  ...changes,
});

/** Of each frame: where it begins, how many tokens it has, and whether more follow. */
const cutOf = (piece: DraftPiece) =>
  draftFrames(piece).map(({ from, ids, more }) => [from, ids.length, more]);

describe('frames of drafts', () => {
  it('hold as many tokens as the server takes', () => {
    const cut = [
      [3, 4, true],
      [7, 4, true],
      [11, 1, false],
    ];
    assert.deepEqual(cutOf(pieceOf(9)), cut);
    assert.deepEqual(cutOf(pieceOf(4, { hasMore: true })), [[3, 4, true]]);
    assert.deepEqual(cutOf(pieceOf(0)), [[3, 0, false]]);
  });

  it('with laws hold as many as their bytes allow, and at least one', () => {
    const full = (frameBytes: number) =>
      cutOf(pieceOf(3, { scheme: 'full', offered: { draftTokens: 4, frameBytes } }));
    const two = [
      [3, 2, true],
      [5, 1, false],
    ];
    // A law has 16 entries of at most 16 bytes.
    assert.deepEqual(full(2 * 16 * 16), two);
    assert.equal(full(2 * 16 * 16 - 1).length, 3);
    assert.equal(full(1).length, 3);
  });

  it('bring what their scheme needs of each token, and a residual token once, in the first', () => {
    const offered = { draftTokens: 1, frameBytes: 1 << 20 };
    const [first, second] = draftFrames(pieceOf(2, { scheme: 'split', residual: 9, offered }));
    assert.deepEqual([first?.residual, second?.residual], [9, null]);
    assert.deepEqual([first?.session, first?.epoch, first?.laws], [7, 2, null]);
    assert.deepEqual([[...first!.ids], [...first!.probs!]], [[0], [1 / 16]]);
    const [full] = draftFrames(pieceOf(1, { scheme: 'full' }));
    assert.deepEqual([full?.probs, full?.laws], [null, [law]]);
    const [plain] = draftFrames(pieceOf(1));
    assert.deepEqual([plain?.probs, plain?.laws], [null, null]);
    const [empty] = draftFrames(pieceOf(0, { scheme: 'split' }));
    assert.equal(empty?.probs, null);
  });

  it('are not made of tokens without what their scheme tests', () => {
    const bare = { tokens: [drafted(3)] };
    assert.throws(() => draftFrames(pieceOf(1, { scheme: 'split', ...bare })), InvariantError);
    assert.throws(() => draftFrames(pieceOf(1, { scheme: 'full', ...bare })), InvariantError);
    assert.equal(draftFrames(pieceOf(1, bare)).length, 1);
  });

  it('tell the confidences of the drafter, where it has computed all', () => {
    const chancesOf = (tellsChances: boolean, ...confidences: readonly (number | null)[]) => {
      const tokens = confidences.map((confidence, index) => drafted(3 + index, 2, confidence));
      return draftFrames(pieceOf(0, { tokens, tellsChances }))[0]!.chances;
    };
    assert.deepEqual(chancesOf(true, 1, 0.5, 0), Uint8Array.of(255, 128, 0));
    assert.deepEqual([chancesOf(true, 1, null), chancesOf(true)], [null, null]);
    assert.equal(chancesOf(false, 1), null);
  });
});

// Checks that hints of an early exit reach the devices that asked for them, before the verdict they
// are about, and no others.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { slotId } from '../../base/brand.js';
import type { Hint, Open, ServerFrame } from '../../protocol/frame.js';
import { draftOf, Harness, openFrame, tokensOf } from './core-harness.suite.js';
import { targetText } from './scripted-target.suite.js';

const exit = { agreement: 1 };
const waiting: Partial<Open> = { mode: 'pipeline', wantsHints: true };
const text = targetText(openFrame(waiting));
const wrong = (position: number): number => 2 + ((text[position]! + 1) % 14);

function opened(changes: Partial<Open> = {}, model: object = { exit }): Harness {
  const harness = new Harness({ model });
  harness.connect(1);
  harness.send(1, openFrame({ ...waiting, ...changes }));
  harness.settle();
  harness.take(1);
  return harness;
}

const hintsIn = (frames: readonly ServerFrame[]): Hint[] =>
  frames.filter((frame) => frame.kind === 'hint');

describe('hints', () => {
  it('come before the verdict, of its epoch, and name the token that the verdict will bring', () => {
    const harness = opened();
    harness.send(1, draftOf({ ids: Int32Array.of(text[3]!, wrong(4), text[5]!) }));
    harness.settle();
    const frames = harness.take(1);
    assert.deepEqual(
      frames.map(({ kind }) => kind),
      ['hint', 'verdict'],
    );
    const [hint] = hintsIn(frames);
    assert.equal(hint!.epoch, 0);
    assert.equal(hint!.position, 4);
    assert.equal(hint!.candidates[0], text[4]);
    assert.equal(harness.core.stats().hintCount, 1);
  });

  it('come to no device that did not ask, nor where the target has no exit', () => {
    for (const harness of [opened({ wantsHints: false }), opened({}, {})]) {
      harness.send(1, draftOf({ ids: Int32Array.of(text[3]!, wrong(4)) }));
      assert.ok(harness.operations.every((one) => one.kind !== 'pass' || !one.wantsHints));
      harness.settle();
      assert.deepEqual(hintsIn(harness.take(1)), []);
    }
  });

  it('are asked of no pass in which no device wants them', () => {
    const harness = opened({ wantsHints: false });
    harness.connect(2);
    harness.send(2, openFrame(waiting));
    harness.settle();
    for (const [connection, wanted] of [
      [1, false],
      [2, true],
    ] as const) {
      harness.send(connection, draftOf({ ids: Int32Array.of(text[3]!) }));
      const [pass] = harness.operations;
      assert.ok(pass?.kind === 'pass');
      assert.equal(pass.wantsHints, wanted);
      harness.settle();
    }
  });

  it('of a chain that its device has given up meanwhile are not told', () => {
    const harness = opened();
    harness.send(1, draftOf({ ids: Int32Array.of(wrong(3)) }));
    harness.settle();
    harness.take(1);
    // The first frame is in a pass when the second begins a new chain, or contradicts the text.
    harness.send(1, draftOf({ epoch: 1, from: 4, ids: Int32Array.of(text[4]!) }));
    harness.send(1, draftOf({ epoch: 1, from: 3, ids: Int32Array.of(wrong(3), text[4]!) }));
    harness.settle(1);
    assert.deepEqual(hintsIn(harness.take(1)), []);
  });

  it('are not told to a session that is cancelled or closed, or whose reader has fallen behind', () => {
    for (const leave of ['cancel', 'close', 'clogged', 'gone'] as const) {
      const harness = opened();
      harness.send(1, draftOf({ ids: Int32Array.of(text[3]!) }));
      if (leave === 'gone') harness.disconnect(1);
      else if (leave === 'clogged') harness.feed({ kind: 'clogged', connection: 1 });
      else harness.send(1, { kind: leave, session: 0 });
      harness.settle();
      assert.deepEqual(hintsIn(harness.take(1)), [], leave);
    }
  });

  it('of a slot that has failed during the pass are not told: its verdict will differ', () => {
    const harness = new Harness({ model: { exit } });
    harness.connect(1);
    harness.send(1, openFrame({ mode: 'race', wantsHints: true }));
    const { id } = harness.operations.shift()!;
    harness.feed({ kind: 'failed', id, code: 'engine-failed', message: 'told to fail' });
    harness.settle(1);
    assert.deepEqual(hintsIn(harness.take(1)), []);
    harness.settle(2);
    assert.notDeepEqual(hintsIn(harness.take(1)), []);
  });

  it('of a pass that is over, or of none, are dropped', () => {
    const harness = opened();
    harness.send(1, draftOf({ ids: Int32Array.of(text[3]!) }));
    harness.settle();
    harness.take(1);
    const guess = {
      acceptedCount: 0,
      position: 4,
      candidates: Int32Array.of(2),
      confidences: Float64Array.of(1),
    };
    for (const id of [0, 1, 2, 99]) {
      harness.feed({ kind: 'hinted', id, hints: [{ slot: slotId(0), ...guess }] });
    }
    assert.deepEqual(harness.take(1), []);
  });

  it('of a slot that is not in the pass in flight are dropped', () => {
    const harness = opened();
    harness.send(1, draftOf({ ids: Int32Array.of(text[3]!) }));
    const [pass] = harness.operations;
    assert.ok(pass?.kind === 'pass');
    const guess = { candidates: Int32Array.of(2), confidences: Float64Array.of(1) };
    const hint = { slot: slotId(3), acceptedCount: 0, position: 4, ...guess };
    harness.feed({ kind: 'hinted', id: pass.id, hints: [hint] });
    assert.deepEqual(harness.take(1), []);
  });

  it('never change what is committed, however wrong they are', () => {
    const written = (changes: Partial<Open>, model: object): number[] => {
      const harness = new Harness({ model });
      harness.connect(1);
      harness.send(1, openFrame({ ...changes, mode: 'race' }));
      harness.settle();
      return tokensOf(harness.take(1));
    };
    const plain = written({ wantsHints: false }, {});
    assert.equal(plain.length, 24);
    for (const agreement of [0, 0.5, 1]) {
      assert.deepEqual(written({ wantsHints: true }, { exit: { agreement } }), plain);
    }
  });
});

// Plays a device in a test, for the schemes that send ids only: drafts right and wrong tokens,
// keeps chain and epoch as the protocol asks, and checks every verdict against what it promises.

import assert from 'node:assert/strict';
import {
  type DeviceFrame,
  type Draft,
  type EndReason,
  modeTraits,
  type Open,
  type ServerFrame,
} from '../../protocol/frame.js';
import { tokenLogHash } from '../../protocol/token-log-hash.js';

export type Roll = () => number;

/** A small generator for interleavings: xorshift32. @param seed not 0. */
export function roller(seed: number): Roll {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

export class FakeDevice {
  readonly open: Open;
  readonly committed: number[];
  /** Own drafts after the committed tokens, all of them sent. */
  chain: number[] = [];
  epoch = 0;
  session: number;
  end: EndReason | null = null;
  failure: string | null = null;
  resumeKey: Uint8Array | null = null;
  acceptedCount = 0;
  testedCount = 0;
  waitsForVerdict = false;
  /** Drafts wait for Resumed: it says in which epoch they may be. */
  isResuming = false;
  readonly #text: readonly number[];
  readonly #rightShare: number;
  readonly #roll: Roll;

  /** @param text what the target writes alone. @param rightShare how many drafts are right. */
  constructor(open: Open, text: readonly number[], rightShare: number, roll: Roll) {
    assert.ok(open.prompt.kind === 'ids');
    this.open = open;
    this.session = open.session;
    this.committed = [...open.prompt.ids];
    this.#text = text;
    this.#rightShare = rightShare;
    this.#roll = roll;
  }

  get isOver(): boolean {
    return this.end !== null || this.failure !== null;
  }

  /** The frame that it would send now, or null. */
  draft(): Draft | null {
    const { mode, windowMax } = this.open;
    if (this.isOver || this.isResuming || !modeTraits[mode].takesDrafts) return null;
    if (mode === 'stop-and-wait' && this.waitsForVerdict) return null;
    const from = this.committed.length + this.chain.length;
    const room = Math.min(windowMax - this.chain.length, 1 + Math.floor(this.#roll() * 5));
    const isAsking = this.chain.length === 0 && this.#roll() < 0.2;
    const count = isAsking ? 0 : room;
    if (count === 0 && !isAsking) return null;
    const ids = Int32Array.from({ length: count }, (_, index) => this.#token(from + index));
    this.chain.push(...ids);
    this.waitsForVerdict = true;
    return this.#draftFrame(from, ids);
  }

  /** The whole chain again, as after a time-out. */
  repeat(): Draft | null {
    if (
      this.isOver ||
      this.isResuming ||
      !modeTraits[this.open.mode].takesDrafts ||
      this.chain.length === 0
    )
      return null;
    const ids = Int32Array.from(this.chain.slice(0, 32));
    return this.#draftFrame(this.committed.length, ids);
  }

  #draftFrame(from: number, ids: Int32Array): Draft {
    const { session, epoch } = this;
    const rest = { probs: null, laws: null, residual: null, more: false, chances: null };
    return { kind: 'draft', session, epoch, from, ids, ...rest };
  }

  #token(position: number): number {
    const right = this.#text[position] ?? 2;
    return this.#roll() < this.#rightShare ? right : 2 + Math.floor(this.#roll() * 14);
  }

  receive(frame: ServerFrame): void {
    switch (frame.kind) {
      case 'opened':
        this.resumeKey = frame.resumeKey;
        return;
      case 'verdict': {
        assert.equal(frame.law, null);
        this.acceptedCount += frame.acceptedCount;
        this.testedCount += frame.acceptedCount + frame.rejectedCount;
        this.#commit(frame.epoch, frame.from, frame.tokens);
        this.end = frame.end;
        this.waitsForVerdict = false;
        return;
      }
      case 'resumed':
        assert.equal(frame.from, this.committed.length);
        this.isResuming = false;
        this.chain = [];
        this.epoch = Math.max(this.epoch, frame.epoch) + 1;
        this.committed.push(...frame.tokens);
        this.waitsForVerdict = false;
        return;
      case 'failure':
        if (frame.session === null || frame.session === this.session) this.failure = frame.code;
        return;
      default:
    }
  }

  #commit(epoch: number, from: number, tokens: Int32Array): void {
    const before = this.committed.length;
    const held = before + (epoch === this.epoch ? this.chain.length : 0);
    assert.ok(from >= before && from <= held, `from ${from} outside [${before}, ${held}]`);
    this.committed.push(...this.chain.slice(0, from - before), ...tokens);
    const fresh = this.committed.slice(before);
    assert.deepEqual(fresh, this.#text.slice(before, this.committed.length), 'text');
    const isKept = fresh.every(
      (token, index) => index >= this.chain.length || this.chain[index] === token,
    );
    if (isKept) {
      this.chain.splice(0, fresh.length);
      return;
    }
    this.chain = [];
    this.epoch++;
  }

  /** Goes on over another connection, under another id. */
  resume(session: number): DeviceFrame {
    assert.ok(this.resumeKey);
    this.session = session;
    this.isResuming = true;
    return {
      kind: 'resume',
      session,
      resumeKey: this.resumeKey,
      committedLength: this.committed.length,
      logHash: tokenLogHash(Int32Array.from(this.committed)),
    };
  }
}

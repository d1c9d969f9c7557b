// Tests that the images of a prompt are released exactly once, and never before: whichever way
// their session ends, and where it never began.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PilotfishError } from '../../base/error.js';
import { fuzzing } from '../../base/fuzz.suite.js';
import { firstImageToken } from '../../base/image-token.js';
import { unlimited } from '../../base/key-grant.js';
import { wireFault } from '../../protocol/code.js';
import type { Open } from '../../protocol/frame.js';
import {
  bannedEnd,
  Harness,
  type HarnessOptions,
  keyOf,
  openFrame,
  resumeOf,
} from './core-harness.suite.js';
import type { ServerInput } from './event.js';
import type { PreparedOpen } from './prepared-open.js';

const ids = Int32Array.of(0, 3, 5);
const nothing: PreparedOpen = { prompt: null, format: null };

/** A core, and the holds that it has released. */
class Holding extends Harness {
  readonly released: number[] = [];

  override feed(event: ServerInput) {
    const effects = super.feed(event);
    for (const effect of effects) if (effect.kind === 'release') this.released.push(effect.hold);
    return effects;
  }

  /** Opens a session with images. */
  open(hold: number, changes: Partial<Open> = {}, made = nothing, connection = 1): void {
    const frame = openFrame({ session: hold, mode: 'stream', ...changes });
    this.feed({ kind: 'frame', connection, frame, prepared: { ...made, hold } });
  }
}

const held = (options: HarnessOptions = {}): Holding => {
  const holding = new Holding(options);
  holding.connect(1);
  return holding;
};

describe('the images of a session', () => {
  it('are its own until it is closed, however it has ended', () => {
    const core = held();
    core.open(1);
    core.settle();
    assert.deepEqual(core.released, [], 'ended, and may be resumed');
    core.send(1, { kind: 'close', session: 1 });
    core.send(1, { kind: 'close', session: 1 });
    assert.deepEqual(core.released, [1]);
    core.open(2, { tokensMax: 200 });
    core.settle(2);
    core.send(1, { kind: 'cancel', session: 2 });
    core.settle();
    core.send(1, { kind: 'close', session: 2 });
    assert.deepEqual(core.released, [1, 2]);
  });

  it('wait with it for its device, and go when that does not come back', () => {
    const core = held();
    core.open(1);
    const { resumeMs } = core.settings.limits;
    core.disconnect(1);
    core.advance(resumeMs / 2);
    assert.deepEqual(core.released, []);
    core.settle();
    core.advance(resumeMs);
    core.settle();
    assert.deepEqual(core.released, [1]);
    assert.equal(core.core.retainedCount, 0);
  });

  it('move with it to another connection', () => {
    const core = held();
    core.open(1, { tokensMax: 4 });
    core.settle();
    const resumeKey = keyOf(core.take(1));
    core.connect(2);
    core.send(2, resumeOf(resumeKey, [...ids], 0));
    core.disconnect(1);
    assert.deepEqual(core.released, []);
    core.send(2, { kind: 'close', session: 0 });
    assert.deepEqual(core.released, [1]);
  });

  it('go with a session that the engine fails, after its last pass', () => {
    const core = held();
    core.failingPasses.add(1).add(2).add(3).add(4).add(5).add(6);
    core.open(1);
    core.settle();
    assert.equal(core.take(1).at(-1)?.kind, 'failure');
    assert.deepEqual(core.released, [1]);
  });

  it('go at once where it is refused, for whatever reason', () => {
    const full = { sampling: { ...bannedEnd, topP: 0 } };
    const refused = new PilotfishError('prompt-too-long', 'too long');
    const cases: readonly (readonly [Partial<Open>, PreparedOpen])[] = [
      [full, nothing],
      [{ answer: Int32Array.of(firstImageToken) }, nothing],
      [{ prompt: { kind: 'ids', ids: Int32Array.of(firstImageToken) } }, nothing],
      [{}, { ...nothing, prompt: new Int32Array(0) }],
      [{}, { ...nothing, prompt: new Int32Array(300) }],
      [{}, { ...nothing, prompt: refused }],
      [{ schema: '{}' }, { ...nothing, format: new PilotfishError('format-invalid', 'no') }],
    ];
    const core = held();
    for (const [index, [changes, made]] of cases.entries()) {
      core.open(index, changes, made);
      assert.equal(core.take(1).at(-1)?.kind, 'failure', `case ${index}`);
      assert.deepEqual(core.released.splice(0), [index]);
    }
  });

  it('go at once where there is no room, no right, or no connection', () => {
    const core = held({ settings: { sessionsMax: 1 } });
    core.open(1, { tokensMax: 200 });
    core.open(2);
    assert.deepEqual(core.released.splice(0), [2], 'too many sessions');
    core.open(2);
    assert.deepEqual(core.released.splice(0), [2], 'an id that was used');
    core.open(3, {}, nothing, 9);
    assert.deepEqual(core.released.splice(0), [3], 'a connection that never was');
    core.feed({ kind: 'drain', alternatives: [] });
    core.open(4);
    assert.deepEqual(core.released.splice(0), [4], 'a server that goes away');
    const fault = wireFault('frame-malformed', 'no frame', null);
    core.feed({ kind: 'fault', connection: 1, fault });
    core.open(5);
    assert.deepEqual(core.released.splice(0), [5], 'a connection that has failed');
    core.feed({ kind: 'stop' });
    core.settle();
    assert.deepEqual(core.released, [1]);
  });

  it('go at once where the key has used up its tokens', () => {
    const core = new Holding();
    const limits = { ...unlimited, tokensPerMinute: 8 };
    core.connect(1, undefined, { id: 'a', limits });
    core.open(1, { tokensMax: 100 });
    core.settle();
    assert.deepEqual(core.released, [1], 'it ends with its key');
    core.open(2);
    assert.deepEqual(core.released, [1, 2]);
  });

  it('are in prompts of ids too, and the device is told of the ids they have here', () => {
    const core = held();
    const prompt = { kind: 'ids', ids: Int32Array.of(0, 0, 5) } as const;
    const own = Int32Array.of(0, firstImageToken + 7, 5);
    core.open(1, { prompt }, { ...nothing, prompt: own });
    const opened = core.take(1).find(({ kind }) => kind === 'opened');
    assert.ok(opened?.kind === 'opened');
    assert.deepEqual(opened.images, [{ from: 1, count: 1, firstId: firstImageToken + 7 }]);
  });
});

type Move = readonly [kind: number, hold: number];

it('no order of events releases images twice, or keeps them for ever', () => {
  const move: fc.Arbitrary<Move> = fc.tuple(fc.nat(8), fc.nat(5));
  const run = (moves: readonly Move[]): void => {
    const core = held({ settings: { sessionsMax: 3 } });
    let [hold, connection] = [0, 1];
    for (const [kind, which] of moves) {
      const session = Math.max(0, hold - which);
      if (kind <= 2) core.open(++hold, { tokensMax: 4 + which }, nothing, connection);
      else if (kind === 3) core.send(connection, { kind: 'close', session });
      else if (kind === 4) core.send(connection, { kind: 'cancel', session });
      else if (kind === 5) core.settle(which);
      else if (kind === 6) core.advance(which * 20_000);
      else if (kind === 7) core.open(++hold, { windowMax: 0, answer: ids }, nothing, connection);
      else {
        core.disconnect(connection);
        core.connect(++connection);
      }
      assert.equal(new Set(core.released).size, core.released.length, 'released twice');
    }
    core.feed({ kind: 'stop' });
    core.settle();
    core.advance(1_000_000);
    assert.equal(core.released.length, hold);
    assert.equal(new Set(core.released).size, hold);
  };
  fc.assert(fc.property(fc.array(move, { maxLength: 40 }), run), fuzzing<[readonly Move[]]>(300));
});

// Checks that a device ends its own session or connection with the right code, whatever it sends,
// and that its neighbour's text comes out whole.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Law } from '../../math/law.js';
import type { WireCode } from '../../protocol/code.js';
import { decodeDeviceFrame, encodeFrame } from '../../protocol/codec.js';
import type { DeviceFrame, Draft, Open, Resume } from '../../protocol/frame.js';
import { bannedEnd, Harness, hello, openFrame } from './core-harness.suite.js';
import { targetText } from './scripted-target.suite.js';

const none = { probs: null, laws: null, residual: null, more: false, chances: null };

function draft(changes: Partial<Draft>): Draft {
  const plain = { kind: 'draft', session: 0, epoch: 0, from: 3, ids: Int32Array.of(2) } as const;
  return { ...plain, ...none, ...changes };
}

const resume: Resume = {
  kind: 'resume',
  session: 1,
  resumeKey: new Uint8Array(16).fill(7),
  committedLength: 3,
  logHash: 1n,
};

const law = (probs: number[]): Law => ({ kind: 'dense', probs: Float64Array.from(probs) });
const sixteenth = new Array<number>(16).fill(1 / 16);
const dropped = [0, 2, ...new Array<number>(14).fill(0)].map((value) => value / 2);

interface HostileCase {
  readonly name: string;
  readonly open?: Partial<Open>;
  readonly frames: readonly DeviceFrame[];
  readonly code: WireCode;
  /** The id that fails; null: the connection. */
  readonly fails: number | null;
}

const pipeline = { mode: 'pipeline' } as const;
const many = (count: number): Int32Array => new Int32Array(count).fill(2);

const cases: readonly HostileCase[] = [
  {
    name: 'an id outside the vocabulary',
    frames: [draft({ ids: Int32Array.of(16) })],
    code: 'token-out-of-range',
    fails: 0,
  },
  {
    name: 'an epoch from the future',
    frames: [draft({ epoch: 900 })],
    code: 'epoch-impossible',
    fails: 0,
  },
  {
    name: 'a gap after the chain',
    open: pipeline,
    frames: [draft({}), draft({ from: 9 })],
    code: 'draft-gap',
    fails: 0,
  },
  {
    name: 'a first draft beyond the prompt',
    open: pipeline,
    frames: [draft({ from: 4_000_000_000 })],
    code: 'draft-gap',
    fails: 0,
  },
  {
    name: 'two tokens for one position',
    open: pipeline,
    frames: [draft({}), draft({ ids: Int32Array.of(3) })],
    code: 'draft-contradicts',
    fails: 0,
  },
  {
    name: 'a draft above the limit',
    frames: [draft({ ids: many(33) })],
    code: 'limit-exceeded',
    fails: 0,
  },
  {
    name: 'a draft above the window',
    open: { ...pipeline, windowMax: 4 },
    frames: [draft({ ids: many(5) })],
    code: 'window-exceeded',
    fails: 0,
  },
  {
    name: 'a flood of drafts',
    open: pipeline,
    frames: Array.from({ length: 65 }, (_, index) => draft({ from: 3 + index })),
    code: 'window-exceeded',
    fails: 0,
  },
  {
    name: 'split without probabilities',
    open: { ...pipeline, scheme: 'split' },
    frames: [draft({})],
    code: 'draft-contradicts',
    fails: 0,
  },
  {
    name: 'full without laws',
    open: { ...pipeline, scheme: 'full' },
    frames: [draft({})],
    code: 'draft-contradicts',
    fails: 0,
  },
  {
    name: 'probabilities that greedy does not send',
    open: { scheme: 'greedy' },
    frames: [draft({ probs: Float64Array.of(1) })],
    code: 'draft-contradicts',
    fails: 0,
  },
  {
    name: 'a probability of NaN',
    open: { ...pipeline, scheme: 'split' },
    frames: [draft({ probs: Float64Array.of(Number.NaN) })],
    code: 'law-invalid',
    fails: 0,
  },
  {
    name: 'a probability of 0',
    open: { ...pipeline, scheme: 'split' },
    frames: [draft({ probs: Float64Array.of(0) })],
    code: 'law-invalid',
    fails: 0,
  },
  {
    name: 'a law that does not sum',
    open: { ...pipeline, scheme: 'full' },
    frames: [draft({ laws: [law(sixteenth.map((p) => p / 2))] })],
    code: 'law-invalid',
    fails: 0,
  },
  {
    name: 'a law of another vocabulary',
    open: { ...pipeline, scheme: 'full' },
    frames: [draft({ laws: [law([0.25, 0.25, 0.5])] })],
    code: 'law-invalid',
    fails: 0,
  },
  {
    name: 'a law that excludes its own token',
    open: { ...pipeline, scheme: 'full' },
    frames: [draft({ laws: [law(dropped)] })],
    code: 'law-invalid',
    fails: 0,
  },
  {
    name: 'a law of NaN',
    open: { ...pipeline, scheme: 'full' },
    frames: [draft({ laws: [law([Number.NaN, ...sixteenth.slice(1)])] })],
    code: 'law-invalid',
    fails: 0,
  },
  {
    name: 'a residual token that is not due',
    open: { ...pipeline, scheme: 'split' },
    frames: [draft({ from: 4, ids: new Int32Array(0), residual: 3 })],
    code: 'session-state',
    fails: 0,
  },
  {
    name: 'a residual token that contradicts the log',
    open: { ...pipeline, scheme: 'split' },
    frames: [draft({ from: 3, ids: new Int32Array(0), residual: 9 })],
    code: 'residual-invalid',
    fails: 0,
  },
  {
    name: 'a tail that was not offered',
    frames: [{ kind: 'tail-request', session: 0, position: 3 }],
    code: 'session-state',
    fails: 0,
  },
  {
    name: 'a draft in mode stream',
    open: { mode: 'stream' },
    frames: [draft({})],
    code: 'session-state',
    fails: 0,
  },
  {
    name: "another connection's session",
    frames: [draft({ session: 7 })],
    code: 'session-unknown',
    fails: 7,
  },
  { name: 'a session id twice', frames: [openFrame()], code: 'session-reused', fails: 0 },
  {
    name: 'a session id that falls',
    open: { session: 5 },
    frames: [openFrame({ session: 4 })],
    code: 'session-reused',
    fails: 4,
  },
  {
    name: 'an empty prompt',
    frames: [openFrame({ session: 1, prompt: { kind: 'ids', ids: new Int32Array(0) } })],
    code: 'prompt-empty',
    fails: 1,
  },
  {
    name: 'a prompt beyond the context',
    frames: [openFrame({ session: 1, prompt: { kind: 'ids', ids: many(256) } })],
    code: 'prompt-too-long',
    fails: 1,
  },
  {
    name: 'a prompt outside the vocabulary',
    frames: [openFrame({ session: 1, prompt: { kind: 'ids', ids: Int32Array.of(77) } })],
    code: 'token-out-of-range',
    fails: 1,
  },
  {
    name: 'a text the model cannot write',
    frames: [openFrame({ session: 1, prompt: { kind: 'text', text: 'Z' } })],
    code: 'token-out-of-range',
    fails: 1,
  },
  {
    name: 'a bias outside the vocabulary',
    frames: [openFrame({ session: 1, sampling: { ...bannedEnd, logitBias: new Map([[99, 1]]) } })],
    code: 'token-out-of-range',
    fails: 1,
  },
  {
    name: 'a temperature below 0',
    frames: [openFrame({ session: 1, sampling: { ...bannedEnd, temperature: -1 } })],
    code: 'sampling-invalid',
    fails: 1,
  },
  {
    name: 'race under split',
    frames: [openFrame({ session: 1, scheme: 'split' })],
    code: 'mode-unsupported',
    fails: 1,
  },
  {
    name: 'more sessions than a connection may have',
    frames: [1, 2, 3, 4, 5, 6, 7, 8].map((session) => openFrame({ session })),
    code: 'sessions-exhausted',
    fails: 8,
  },
  { name: 'a resume key that is none', frames: [resume], code: 'resume-refused', fails: 1 },
  { name: 'a second greeting', frames: [hello], code: 'frame-unexpected', fails: null },
];

/** As from the wire: what decoding refuses arrives as a fault, the rest as a frame. */
function deliver(harness: Harness, connection: number, frame: DeviceFrame): void {
  let bytes: Uint8Array;
  try {
    bytes = encodeFrame(frame);
  } catch {
    // Our own encoder refuses such a frame. The check on the server is the decoder's, and
    // gives the code.
    harness.send(connection, frame);
    return;
  }
  const decoded = decodeDeviceFrame(bytes);
  assert.ok('ok' in decoded);
  harness.send(connection, decoded.ok);
}

/** The faults that decoding finds, for frames that cannot be encoded. */
const foundByDecoding: readonly WireCode[] = [
  'prompt-empty',
  'sampling-invalid',
  'mode-unsupported',
  'law-invalid',
];

describe('hostile frames', () => {
  it('frames with new drafts are counted, frames that repeat are not', () => {
    const limits = { ...new Harness().settings.limits, windowTokens: 256 };
    const harness = new Harness({ settings: { limits } });
    harness.connect(1);
    harness.send(1, openFrame({ ...pipeline, windowMax: 256 }));
    const failures = () => harness.take(1).filter(({ kind }) => kind === 'failure');
    for (let index = 0; index < 64; index++) {
      harness.send(1, draft({ from: 3 + index }));
      harness.send(1, draft({ from: 3, ids: many(Math.min(32, index + 1)) }));
    }
    assert.deepEqual(failures(), []);
    harness.send(1, draft({ from: 67 }));
    assert.equal(failures()[0]?.kind, 'failure');
  });

  for (const { name, open = {}, frames, code, fails } of cases) {
    it(`${name}: ${code}`, () => {
      const harness = new Harness({ model: { slotCount: 16 } });
      const neighbour = openFrame({ mode: 'stream', seed: 3n });
      harness.connect(1);
      harness.connect(2);
      harness.send(2, neighbour);
      harness.send(1, openFrame(open));
      harness.take(1);
      for (const frame of frames) {
        if (foundByDecoding.includes(code) && !encodes(frame)) {
          const fault = { code, message: 'as decoding says', session: fails };
          harness.feed({ kind: 'fault', connection: 1, fault });
        } else deliver(harness, 1, frame);
      }
      const failure = harness.take(1).find((frame) => frame.kind === 'failure');
      assert.equal(failure?.code, code, failure?.message);
      assert.equal(failure.session, fails);
      assert.equal(harness.closed.get(1) ?? null, fails === null ? code : null);
      harness.settle();
      const written = harness
        .take(2)
        .flatMap((frame) => (frame.kind === 'verdict' ? [...frame.tokens] : []));
      assert.deepEqual(written, targetText(neighbour).slice(3));
      harness.disconnect(1);
      harness.disconnect(2);
      harness.advance(harness.settings.limits.resumeMs + 5_000);
      assert.equal(harness.core.retainedCount, 0);
    });
  }

  it('drops what still comes for a session that has failed, and takes its close', () => {
    const harness = new Harness();
    harness.connect(1);
    harness.send(1, openFrame());
    harness.send(1, draft({ epoch: 5 }));
    assert.equal(harness.take(1).at(-1)?.kind, 'failure');
    harness.send(1, draft({}));
    harness.send(1, { kind: 'cancel', session: 0 });
    harness.send(1, { kind: 'close', session: 0 });
    harness.send(1, { kind: 'close', session: 0 });
    assert.deepEqual(harness.take(1), []);
  });

  it('refuses wrong keys, no common version, another vocabulary, no greeting', () => {
    const unauthenticated: [DeviceFrame, WireCode][] = [
      [{ ...hello, key: 'stolen' }, 'key-refused'],
      // Without a key a peer does not learn which versions there are.
      [{ ...hello, key: 'stolen', versionMin: 7, versionMax: 9 }, 'key-refused'],
      [{ ...hello, versionMin: 7, versionMax: 9 }, 'version-unsupported'],
      [{ ...hello, fingerprint: 'scripted:8', vocabSize: 8 }, 'vocabulary-mismatch'],
      [openFrame(), 'frame-unexpected'],
    ];
    const harness = new Harness();
    for (const [index, [frame, code]] of unauthenticated.entries()) {
      harness.connect(index, null);
      harness.send(index, frame);
      assert.equal(harness.closed.get(index), code);
      const [failure] = harness.take(index);
      assert.ok(failure?.kind === 'failure');
      assert.equal(failure.retryAfterMs, 0, 'another attempt would fail as well');
    }
  });

  it('takes no more connections and sessions than it is told', () => {
    const harness = new Harness({ settings: { connectionsMax: 2, sessionsMax: 3 } });
    for (const connection of [1, 2, 3]) harness.connect(connection, null);
    assert.equal(harness.closed.get(3), 'server-full');
    harness.send(1, hello);
    for (const session of [0, 1, 2, 3]) harness.send(1, openFrame({ session }));
    const failures = harness.take(1).filter((frame) => frame.kind === 'failure');
    assert.deepEqual(
      failures.map(({ code, session, retryAfterMs }) => [code, session, retryAfterMs]),
      [['server-busy', 3, 500]],
    );
  });

  it('gives the room of sessions without a device to new ones, the longest without one first', () => {
    const harness = new Harness({ settings: { sessionsMax: 2 } });
    const keys = [1, 2].map((connection) => {
      harness.connect(connection);
      harness.send(connection, openFrame());
      const opened = harness.take(connection).find(({ kind }) => kind === 'opened');
      assert.ok(opened?.kind === 'opened');
      return opened.resumeKey;
    });
    harness.disconnect(2);
    harness.advance(10);
    harness.disconnect(1);
    harness.connect(3);
    harness.send(3, openFrame());
    assert.equal(harness.take(3).at(-1)?.kind, 'opened');
    const resume = { kind: 'resume', committedLength: 0, logHash: 0n } as const;
    for (const [session, resumeKey] of keys.entries()) {
      harness.send(3, { ...resume, session: session + 1, resumeKey });
    }
    const codes = harness.take(3).map((frame) => (frame.kind === 'failure' ? frame.code : null));
    assert.deepEqual(
      codes.filter((code) => code !== null),
      ['log-mismatch', 'resume-refused'],
    );
  });

  it('ends connections that have gone silent', () => {
    const limits = { ...new Harness().settings.limits, silenceMs: 5_000 };
    const harness = new Harness({ settings: { limits } });
    harness.connect(1);
    harness.connect(2);
    harness.connect(3, null);
    harness.advance(4_000);
    harness.send(2, { kind: 'ping', nonce: 9, isCover: false });
    harness.advance(3_500);
    assert.equal(harness.closed.get(1), 'too-slow');
    assert.equal(harness.closed.get(3), 'too-slow', 'which has never said anything');
    assert.equal(harness.closed.get(2), undefined);
    assert.deepEqual(harness.take(2).at(-1), { kind: 'pong', nonce: 9 });
  });
});

function encodes(frame: DeviceFrame): boolean {
  try {
    encodeFrame(frame);
    return true;
  } catch {
    return false;
  }
}

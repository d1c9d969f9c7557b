// Checks that a session moves between its states as the table says, keeps what a slow device has
// not been sent, and ends once.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Outcome } from '../../engine/engine.js';
import { draftOf } from './core-harness.suite.js';
import { noServerDrafts } from './drafting/draft-line.js';
import type { Session } from './session.js';
import { endToken, sessionOf, sessionPrompt } from './session.suite.js';
import { type InFlightSegment, type StatusKind, statusMoves } from './session-status.js';

const prompt = sessionPrompt;

const segmentOf = (session: Session): InFlightSegment => ({
  ...{ from: session.log.length, draftCount: 0, padCount: 0, isJudged: true, epoch: 0, queueMs: 0 },
  server: noServerDrafts,
  ids: new Int32Array(0),
  isRetry: session.isSuspect,
});

function start(session: Session): Session {
  session.passStarted(segmentOf(session), 0);
  return session;
}

/** A pass over no drafts that chose a token. */
const chose = (token: number) => ({ acceptedCount: 0, final: { kind: 'bonus', token } }) as Outcome;
const law = { kind: 'sparse', ids: Int32Array.of(2, 4), probs: Float64Array.of(0.5, 0.5) } as const;
/** A pass that left the token to the device. */
const rejected = { acceptedCount: 0, final: { kind: 'law', law } } as unknown as Outcome;

/** A session in each state, as events bring it there. */
const inState: { readonly [kind in StatusKind]: () => Session } = {
  waiting: () => sessionOf(),
  'in-pass': () => start(sessionOf()),
  cancelling: () => {
    const session = start(sessionOf());
    session.cancel();
    return session;
  },
  'law-due': () => {
    const session = start(sessionOf({ scheme: 'split' }));
    session.commitPass(rejected, 1);
    return session;
  },
  ended: () => {
    const session = start(sessionOf());
    session.commitPass(chose(endToken), 1);
    return session;
  },
  forgotten: () => {
    const session = sessionOf();
    session.forget();
    return session;
  },
};

const kinds = Object.keys(statusMoves) as StatusKind[];

describe('a prompt', () => {
  it('is wanted in the cache before a row of it is asked for, and then only what is asked for', () => {
    const wants = kinds.filter((kind) => inState[kind]().wantsPrefill);
    assert.deepEqual(wants, ['waiting', 'in-pass']);
    const session = start(sessionOf());
    session.commitPass(chose(7), 1);
    assert.equal(session.wantsPrefill, false);
  });
});

describe('the states of a session', () => {
  it('are all reached', () => {
    for (const kind of kinds) assert.equal(inState[kind]().status.kind, kind);
  });

  it('let a pass begin only where the session waits', () => {
    for (const kind of kinds.filter((other) => other !== 'waiting')) {
      assert.throws(() => start(inState[kind]()), /a pass for a session/, kind);
    }
  });

  it('take a residual token only while a law is due', () => {
    for (const kind of kinds.filter((other) => other !== 'law-due')) {
      assert.throws(() => inState[kind]().commitResidual(2, 1), /no residual token/, kind);
    }
    const session = inState['law-due']();
    session.commitResidual(4, 2);
    assert.deepEqual([...session.log.slice(0)], [...prompt, 4]);
    assert.equal(session.status.kind, 'waiting');
  });

  it('keep the log-probabilities of a residual token, as the law had them', () => {
    const session = start(sessionOf({ scheme: 'split', topLogprobs: 0 }));
    const logprobs = { logprobs: Float32Array.of(-1, -2), top: [] };
    session.commitPass({ ...rejected, logprobs: { tokens: [], law: logprobs } }, 1);
    session.commitResidual(4, 2);
    const progress = session.attach({ connection: 2, session: 7 }, prompt.length, 9);
    assert.deepEqual(progress.logprobs, [{ logprob: -2, top: [] }]);
  });

  it('forget what a device has asked for when it comes back', () => {
    const session = sessionOf();
    session.addDraft(draftOf({}), 1);
    assert.equal(session.wantsJudging, true);
    session.detach(2);
    session.attach({ connection: 2, session: 7 }, prompt.length, 3);
    assert.equal(session.wantsJudging, false);
  });

  it('are left for good when the session is forgotten', () => {
    for (const kind of kinds) {
      const session = inState[kind]();
      session.forget();
      session.passFailed();
      session.cancel();
      assert.equal(session.commitPass(chose(2), 1), false);
      assert.equal(session.status.kind, 'forgotten');
      assert.equal(session.address, null);
    }
  });

  it('survive the loss of the device and its return, but for a pass that ends meanwhile', () => {
    for (const kind of kinds.filter((other) => other !== 'forgotten')) {
      const session = inState[kind]();
      session.detach(5);
      assert.equal(session.detachedAtMs, 5);
      assert.equal(session.isRunning, false, kind);
      session.attach({ connection: 2, session: 7 }, prompt.length, 9);
      assert.equal(session.status.kind, kind);
      assert.deepEqual(session.address, { connection: 2, session: 7 });
    }
  });
});

describe('a cancelled session', () => {
  it('ends at once between two passes, and with its pass in one', () => {
    const waiting = sessionOf();
    waiting.cancel();
    assert.equal(waiting.end, 'cancelled');
    const computing = inState.cancelling();
    assert.equal(computing.end, null);
    computing.commitPass(chose(2), 1);
    assert.equal(computing.end, 'cancelled');
    assert.equal(computing.log.length, prompt.length + 1, 'what the pass decided is committed');
  });

  it('ends as its text does where the pass ends the text', () => {
    const session = inState.cancelling();
    session.commitPass(chose(endToken), 1);
    assert.equal(session.end, 'end-of-text');
  });

  it('ends without a device, or when its pass fails', () => {
    const detached = inState.cancelling();
    detached.detach(1);
    detached.commitPass(chose(2), 2);
    assert.equal(detached.end, 'cancelled');
    const failed = inState.cancelling();
    failed.passFailed();
    assert.equal(failed.end, 'cancelled');
  });
});

describe('a session whose device reads slowly', () => {
  const times = { queueMs: 1, passMs: 2 };

  it('keeps the verdict back, and gives it whole', () => {
    const session = sessionOf();
    for (const token of [2, 4]) {
      start(session).commitPass(chose(token), 1);
      session.defer(times);
    }
    assert.deepEqual(session.deferredTimes, times);
    assert.equal(session.unannouncedCount, 2);
    assert.deepEqual([...session.takeProgress(3).tokens], [2, 4]);
    assert.equal(session.deferredTimes, null);
    assert.equal(session.unannouncedCount, 0);
  });

  it('keeps no verdict back once it is cancelled: the last one says it all', () => {
    const session = sessionOf();
    start(session).commitPass(chose(2), 1);
    session.defer(times);
    start(session).cancel();
    assert.equal(session.deferredTimes, null);
    assert.throws(() => session.defer(times), /that is cancelling/);
  });

  it('loses the times of what was kept back with its connection', () => {
    const session = sessionOf();
    start(session).commitPass(chose(2), 1);
    session.defer(times);
    session.detach(4);
    assert.equal(session.deferredTimes, null);
  });
});

describe('a session whose slot or pass has failed', () => {
  it('goes alone after a failed pass, until one ends well', () => {
    const session = start(sessionOf());
    session.passFailed();
    assert.equal(session.isSuspect, true);
    start(session);
    assert.equal(session.segment?.isRetry, true);
    session.commitPass(chose(2), 1);
    assert.equal(session.isSuspect, false);
  });

  it('drops what a pass computes in a slot that has failed meanwhile', () => {
    const session = start(sessionOf());
    session.slotFailed();
    assert.equal(session.commitPass(chose(2), 1), false);
    assert.equal(session.log.length, prompt.length);
    assert.deepEqual([session.status.kind, session.slotFailureCount], ['waiting', 1]);
    assert.equal(start(session).commitPass(chose(2), 2), true);
    assert.equal(session.slotFailureCount, 0);
  });
});

// Checks a device whose link is hung up, refused, drained or lost at an awkward time: it leaves
// once, sends nothing more, sets no timer, and continues with the same text. Each case was found by
// simulation.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ServerFrame } from '../../protocol/frame.js';
import type { GenerateRequest } from './event.js';
import { LinkFixture, opened, verdict, welcome } from './link-fixture.suite.js';

describe('a link that dies without a word', () => {
  it('is hung up once, and nothing is due until it is down', () => {
    const bench = new LinkFixture().connect();
    bench.feed({ kind: 'timer' }, 2_000);
    assert.equal(bench.count('hang-up'), 1);
    assert.equal(bench.wakeMs, null);
    bench.feed({ kind: 'timer' }, 2_001);
    assert.equal(bench.count('hang-up'), 0, 'asking again would put off the end of the link');
    bench.feed({ kind: 'link-down', reason: 'no answer' }, 3_000);
    assert.ok(bench.wakeMs! > 3_000, 'it is dialled again');
  });

  it('counts as away at the very moment for which the timer was set, however that was rounded', () => {
    for (let step = 1; step < 400; step++) {
      const bench = new LinkFixture({
        disconnectGraceMs: 100 + step / 7,
        backoffMinMs: 1e6,
        backoffMaxMs: 1e6,
      });
      bench
        .connect()
        .ask()
        .feed({ kind: 'link-down', reason: 'cut' }, step / 3);
      const { wakeMs } = bench;
      bench.feed({ kind: 'timer' }, wakeMs!);
      assert.notEqual(bench.wakeMs, wakeMs, `step ${step}`);
    }
  });
});

describe('a link that is lost', () => {
  it('is known to be away after the grace of the device', () => {
    const bench = new LinkFixture({ backoffMinMs: 1e6, backoffMaxMs: 1e6 }).connect().ask();
    assert.equal(bench.feed({ kind: 'link-down', reason: 'cut' }, 10).wakeMs, 10 + 100);
  });

  it('is hung up once, whatever asks for that', () => {
    const bench = new LinkFixture().connect();
    assert.equal(bench.feed({ kind: 'timer' }, 2_000).count('hang-up'), 1);
    assert.equal(bench.feed({ kind: 'close' }, 2_010).count('hang-up'), 0);
  });
});

describe('a server that is dialled', () => {
  it('has as long to answer as to greet, and is hung up then', () => {
    const silent = new LinkFixture();
    assert.equal(silent.feed({ kind: 'timer' }, 1_999).count('hang-up'), 0);
    assert.equal(silent.feed({ kind: 'timer' }, 2_000).count('hang-up'), 1);
    const rude = new LinkFixture().feed({ kind: 'link-up' }, 500);
    assert.equal(rude.feed({ kind: 'timer' }, 2_499).count('hang-up'), 0);
    assert.equal(rude.feed({ kind: 'timer' }, 2_500).count('hang-up'), 1);
    assert.deepEqual(rude.sent, []);
  });

  it('is given the time that it asked for, once', () => {
    const bench = new LinkFixture().connect();
    bench.hear({ kind: 'drain', retryAfterMs: 1_000, alternatives: [] });
    assert.equal(bench.feed({ kind: 'link-down', reason: 'gone' }, 10).wakeMs, 1_010);
    assert.equal(bench.feed({ kind: 'timer' }, 1_010).count('dial'), 1);
    // Three quarters of the second pause.
    assert.equal(bench.feed({ kind: 'link-down', reason: 'no' }, 1_020).wakeMs, 1_020 + 75);
  });
});

describe('a link that stands', () => {
  it('is pinged each pingMs while an answer is generated, and not otherwise', () => {
    const bench = new LinkFixture().connect().hear({ kind: 'pong', nonce: 1 }, 20);
    assert.deepEqual(bench.effects, [{ kind: 'wake', atMs: null }]);
    assert.equal(bench.ask({ mode: 'stream' }).wakeMs, 500);
    const [ping] = bench.feed({ kind: 'timer' }, 500).sent;
    assert.deepEqual(ping, { kind: 'ping', nonce: 2, isCover: false });
  });
});

describe('frames of a session that is closed here', () => {
  it('are late, and those of one that was never opened are a fault', () => {
    const bench = new LinkFixture().connect().ask({ mode: 'stream' }).hear(opened());
    bench.feed({ kind: 'cancel', answer: 0 });
    const said = verdict({ tokens: Int32Array.of(5) });
    assert.equal(bench.hear(said).count('hang-up'), 0);
    assert.equal(bench.hear({ ...said, session: 1 }).count('hang-up'), 1);
  });
});

describe('the first verdict of race', () => {
  it('is waited for from the time at which the session was opened', () => {
    const bench = new LinkFixture({ linkTimeoutMs: 1e6, pingMs: 1e6 }).connect().ask();
    assert.equal(bench.hear(opened(), 5_000).wakeMs, 5_000 + 6 * 1_000);
  });
});

describe('an answer for which no server was ever reached', () => {
  it('fails in time, counted from the start of the device', () => {
    const bench = new LinkFixture({ awayMaxMs: 1_500 }).ask();
    assert.equal(bench.feed({ kind: 'timer' }, 1_499).count('failed'), 0);
    const failed = bench
      .feed({ kind: 'timer' }, 1_500)
      .effects.find(({ kind }) => kind === 'failed');
    assert.ok(failed?.kind === 'failed');
    assert.match(failed.error.message, /no server was reached in 2 s/);
  });
});

describe('messages of a session', () => {
  it('count for its answer until that is over', () => {
    const bench = new LinkFixture().connect().ask();
    const ownersOf = ({ effects }: LinkFixture) =>
      effects.flatMap((effect) => (effect.kind === 'send' ? [effect.answer] : []));
    assert.deepEqual(ownersOf(bench), [0]);
    bench.hear(opened()).feed({ kind: 'cancel', answer: 0 });
    assert.deepEqual([bench.sent[0]?.kind, ownersOf(bench)], ['close', [null]]);
  });
});

describe('a draft in place of one that was discarded', () => {
  it('is drawn with other random numbers', () => {
    const bench = new LinkFixture().connect().ask({ mode: 'pipeline', tokensMax: 30 });
    const attemptOf = ({ effects }: LinkFixture) => {
      const start = effects.find(({ kind }) => kind === 'draft-start');
      return start?.kind === 'draft-start' ? start.attempt : null;
    };
    assert.equal(attemptOf(bench), 0);
    bench.hear(opened()).draft(3, 5);
    bench.hear(verdict({ tokens: Int32Array.of(9), rejectedCount: 1 }), 10);
    assert.equal(attemptOf(bench), 1);
  });
});

describe('a server that does not know padding and aggregation', () => {
  it('is given no prompt by a device that asks for them', () => {
    const bench = new LinkFixture({ shaping: { padBytes: 64, aggregateMs: 0 } }).connect().ask();
    const [failed] = bench.effects.filter((effect) => effect.kind === 'failed');
    assert.equal(failed?.error.code, 'server-refused');
    assert.match(failed.error.message, /padding and aggregation need version 3/);
    assert.deepEqual(bench.sent, []);
  });
});

describe('a draft without an answer in time while frames leave on a flush timer', () => {
  it('goes out again with the next flush, and counts as sent until then', () => {
    const changes = { shaping: { padBytes: 0, aggregateMs: 300 }, verdictTimeoutMs: 75 };
    const bench = new LinkFixture(changes)
      .feed({ kind: 'link-up' })
      .hear({ ...welcome, version: 3 });
    bench.ask({ mode: 'pipeline' }).hear(opened()).draft(3, 5);
    bench.feed({ kind: 'timer' }, 300);
    assert.deepEqual(
      bench.sent.map(({ kind }) => kind),
      ['draft'],
    );
    bench.feed({ kind: 'timer' }, 600);
    bench.feed({ kind: 'timer' }, 760);
    assert.deepEqual(bench.sent, []);
    const answered = verdict({ from: 4, tokens: Int32Array.of(6), acceptedCount: 1 });
    bench.hear(answered, 800);
    assert.equal(bench.count('failed'), 0);
    assert.equal(bench.count('tokens'), 1);
  });
});

describe('a server that goes', () => {
  it('drain: gets no new answer, and the link is left for one', () => {
    const bench = new LinkFixture().connect();
    bench.hear({ kind: 'drain', retryAfterMs: 500, alternatives: [] });
    assert.equal(bench.count('hang-up'), 0);
    bench.ask();
    assert.deepEqual([bench.sent, bench.count('hang-up')], [[], 1]);
  });

  it('drain: the servers that it names are dialled in their order, then the usual one', () => {
    const bench = new LinkFixture().connect();
    const alternatives = ['ws://localhost:1/', 'ws://localhost:2/'];
    bench.hear({ kind: 'drain', retryAfterMs: 0, alternatives });
    const dialled = [10, 20, 30].map((nowMs) => {
      const { wakeMs } = bench.feed({ kind: 'link-down', reason: 'gone' }, nowMs);
      bench.feed({ kind: 'timer' }, wakeMs!);
      const dial = bench.effects.find(({ kind }) => kind === 'dial');
      return dial?.kind === 'dial' ? dial.alternative : undefined;
    });
    assert.deepEqual(dialled, [...alternatives, null]);
  });

  it('drain: a link that is down already is not hung up again', () => {
    const bench = new LinkFixture().connect().ask();
    bench.hear({ kind: 'drain', retryAfterMs: 500, alternatives: [] });
    bench.feed({ kind: 'link-down', reason: 'gone' }, 10);
    assert.equal(bench.count('hang-up'), 0);
  });

  it('failure: what is drafted before the link is down stays here', () => {
    const bench = new LinkFixture()
      .connect()
      .ask({ mode: 'pipeline', tokensMax: 30 })
      .hear(opened());
    bench.hear({
      kind: 'failure',
      code: 'draining',
      session: null,
      message: '',
      retryAfterMs: 0,
      block: null,
    });
    assert.equal(bench.count('hang-up'), 1);
    bench.draft(3, 7);
    assert.deepEqual(bench.sent, []);
  });

  it('a welcome that comes after the close is not heard', () => {
    const bench = new LinkFixture().feed({ kind: 'link-up' }).feed({ kind: 'close' });
    assert.equal(bench.count('hang-up'), 1);
    assert.deepEqual(bench.hear(welcome).effects, []);
    assert.equal(bench.feed({ kind: 'link-down', reason: 'closed' }).count('dial'), 0);
    assert.equal(bench.wakeMs, null);
  });
});

describe('a server that stands still', () => {
  it('is sent no more frames of drafts than it may hold, and the rest once it goes on', () => {
    const bench = new LinkFixture().connect();
    bench.ask({ mode: 'pipeline', tokensMax: 200, windowMax: 200 }).hear({
      ...opened(),
      windowMax: 200,
    } as ServerFrame);
    let frameCount = 0;
    for (let position = 3; position < 103; position++) {
      bench.draft(position, 2 + (position % 5));
      frameCount += bench.sent.length;
    }
    assert.ok(frameCount > 30 && frameCount < 64, `${frameCount} frames`);
    bench.hear(verdict({ from: 43, acceptedCount: 40 }));
    const [next] = bench.sent;
    assert.ok(next?.kind === 'draft' && next.from === 3 + frameCount && next.ids.length > 1);
  });
});

describe('an answer whose last verdict was lost', () => {
  /**
   * All tokens are committed by a resumption; the server forgets the session before it says the
   * end.
   */
  function complete(tokens: readonly number[], changes: Partial<GenerateRequest>): LinkFixture {
    const bench = new LinkFixture().connect().ask(changes).hear(opened());
    bench.feed({ kind: 'link-down', reason: 'cut' }, 10).feed({ kind: 'timer' }, 60).connect(60);
    assert.equal(bench.sent.at(-1)?.kind, 'resume');
    bench.hear(
      {
        kind: 'resumed',
        session: 0,
        epoch: 0,
        from: 3,
        tokens: Int32Array.from(tokens),
        logprobs: null,
      },
      70,
    );
    bench.feed({ kind: 'link-down', reason: 'cut' }, 80).feed({ kind: 'timer' }, 200).connect(200);
    return bench.hear(
      {
        kind: 'failure',
        code: 'resume-refused',
        session: 0,
        message: '',
        retryAfterMs: 0,
        block: null,
      },
      210,
    );
  }
  const endOf = ({ effects }: LinkFixture) => effects.find(({ kind }) => kind === 'ended');

  it('ends by itself where it has all its tokens', () => {
    const end = endOf(complete([4, 5, 6, 7], {}));
    assert.ok(end?.kind === 'ended' && end.reason === 'length' && end.isVerified);
  });

  it('ends by itself after the end token', () => {
    const end = endOf(complete([4, 1], {}));
    assert.ok(end?.kind === 'ended' && end.reason === 'end-of-text');
  });

  it('ends by itself where the context is full', () => {
    const tokens = Array.from({ length: 61 }, (_, index) => 2 + (index % 14));
    const end = endOf(complete(tokens, { tokensMax: 100 }));
    assert.ok(end?.kind === 'ended' && end.reason === 'context');
  });

  it('goes on through any number of lost servers that each bring it a token further', () => {
    const bench = new LinkFixture().connect().ask({ mode: 'stream', tokensMax: 50 });
    for (let loss = 0; loss < 10; loss++) {
      const nowMs = 1_000 * loss;
      const open = bench.sent.find(({ kind }) => kind === 'open');
      assert.ok(open?.kind === 'open', `loss ${loss}`);
      assert.equal(open.answer.length, loss);
      const { session } = open;
      const said = verdict({ session, from: 3 + loss, tokens: Int32Array.of(5) });
      const why = { code: 'session-expired', message: '', retryAfterMs: 0, block: null } as const;
      bench.hear(opened(session), nowMs).hear(said, nowMs);
      bench.hear({ kind: 'failure', session, ...why }, nowMs);
      bench.feed({ kind: 'timer' }, nowMs + 1_000);
    }
  });

  it('waits as long as its key has to, and goes on with the text so far', () => {
    const bench = new LinkFixture().connect().ask({ mode: 'stream', tokensMax: 50 });
    bench.hear(opened()).hear(verdict({ from: 3, tokens: Int32Array.of(5) }));
    const quota = { message: '', retryAfterMs: 900, block: null } as const;
    bench.hear({ kind: 'failure', session: 0, code: 'quota-exceeded', ...quota }, 0);
    const opens = () => bench.sent.filter(({ kind }) => kind === 'open');
    bench.feed({ kind: 'timer' }, 899);
    assert.equal(opens().length, 0);
    bench.feed({ kind: 'timer' }, 900);
    const [open] = opens();
    assert.deepEqual(open?.kind === 'open' && [...open.answer], [5]);
  });

  it('goes on in a new session otherwise', () => {
    const open = complete([4, 5], {}).sent.find(({ kind }) => kind === 'open');
    assert.deepEqual(open?.kind === 'open' && [...open.answer], [4, 5]);
  });
});

describe('a residual token that crosses the law said again', () => {
  it('is due no more once a frame has carried it', () => {
    const law = [0, 0, 0.5, 0.5, ...new Array<number>(12).fill(0)];
    const whole = (probs: number[]) =>
      ({ kind: 'whole', law: { kind: 'dense', probs: Float64Array.from(probs) } }) as const;
    const target = [0, 0, 0, 0, 0.5, 0.5, ...new Array<number>(10).fill(0)];
    const bench = new LinkFixture();
    bench.connect().ask({ scheme: 'split', mode: 'stop-and-wait', tokensMax: 30 }).hear(opened());
    bench.draft(3, 2, law);
    const rejection = verdict({ rejectedCount: 1, law: whole(target) });
    bench.hear(rejection);
    bench.feed({ kind: 'link-down', reason: 'cut' }, 10).feed({ kind: 'timer' }, 60).connect(60);
    bench.hear(
      { kind: 'resumed', session: 0, epoch: 0, from: 3, tokens: new Int32Array(0), logprobs: null },
      70,
    );
    bench.draft(4, 3, law);
    const carried = bench.sent.find(({ kind }) => kind === 'draft');
    assert.ok(carried?.kind === 'draft' && carried.residual !== null);
    bench.hear({ ...rejection, session: 0 }, 80);
    bench.hear(
      verdict({ from: 4, epoch: carried.epoch, rejectedCount: 1, law: whole(target) }),
      90,
    );
    assert.equal(bench.count('failed'), 0, 'the next rejection is legal');
  });
});

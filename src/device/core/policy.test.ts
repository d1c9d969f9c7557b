// Pins the constants that steer a device by one example each: how often it retries, how long it
// waits, what it assumes before it has measured anything.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Failure } from '../../protocol/frame.js';
import { AcceptanceModel } from './drafting/ahead/acceptance-model.js';
import type { AheadBranch } from './drafting/ahead/ahead-branch.js';
import { aheadDefaults, aheadOff } from './drafting/ahead/ahead-budget.js';
import { AheadPlanner } from './drafting/ahead/ahead-planner.js';
import { chainRoom } from './drafting/chain-planner.js';
import { DraftPassTimes } from './drafting/draft-pass-times.js';
import { DraftRunner, sequenceText } from './drafting/draft-runner.js';
import { SpeculationGate } from './drafting/speculation-gate.js';
import { roundLength } from './drafting/stop-rule.js';
import { Timings } from './drafting/timings.js';
import { ForgettingMean } from './estimate.js';
import { LinkFixture, opened, settings, verdict, welcome } from './link-fixture.suite.js';
import { ServerConnection } from './server-connection.js';
import { chainOf, drafted, viewOf } from './session-view.suite.js';

const lost = (session: number): Failure => ({
  kind: 'failure',
  session,
  code: 'session-expired',
  message: '',
  retryAfterMs: 0,
  block: null,
});

describe('an answer', () => {
  it('is opened again three times without a token between them, and fails at the fourth loss', () => {
    const bench = new LinkFixture({ linkTimeoutMs: 1e6 }).connect().ask({ mode: 'stream' });
    for (let loss = 0; loss < 3; loss++) {
      bench.hear(opened(loss)).hear(lost(loss), 1_000 * loss);
      bench.feed({ kind: 'timer' }, 1_000 * loss + 100);
      assert.equal(bench.sent.at(-1)?.kind, 'open', `loss ${loss}`);
    }
    assert.equal(bench.hear(opened(3)).hear(lost(3), 3_000).count('failed'), 1);
  });

  it('waits at least 100 ms for a server that was full', () => {
    const full = { ...lost(0), code: 'server-busy', retryAfterMs: 10 } as const;
    const bench = new LinkFixture().connect().ask({ mode: 'stream' }).hear(opened()).hear(full);
    assert.equal(bench.wakeMs, 100);
  });

  it('shows drafts after the second time-out in a row, not after the first', () => {
    const patient = { verdictTimeoutMs: 100, linkTimeoutMs: 1e6, pingMs: 1e6 };
    const bench = new LinkFixture(patient).connect();
    bench.ask({ mode: 'pipeline', tokensMax: 30, fallback: 'provisional' }).hear(opened());
    bench.hear(verdict({ tokens: Int32Array.of(4) })).draft(4, 5);
    assert.equal(bench.feed({ kind: 'timer' }, 100).count('tokens'), 0);
    assert.equal(bench.feed({ kind: 'timer' }, 300).count('tokens'), 1);
  });
});

describe('a link', () => {
  it('is kept by a ping after a third of the silence that the server allows', () => {
    const limits = { ...welcome.limits, silenceMs: 900 };
    const bench = new LinkFixture().feed({ kind: 'link-up' }).hear({ ...welcome, limits });
    bench.hear({ kind: 'pong', nonce: 1 }, 20);
    assert.equal(bench.feed({ kind: 'timer' }, 299).sent.length, 0);
    assert.equal(bench.feed({ kind: 'timer' }, 300).sent[0]?.kind, 'ping');
  });

  function welcomed(): ServerConnection {
    const nothing = (): void => undefined;
    const connection = new ServerConnection(settings, nothing, nothing);
    connection.start(0);
    connection.onUp(0);
    connection.admit(welcome, 0);
    return connection;
  }

  it('has no round trip by a pong that comes after the next ping', () => {
    const connection = welcomed();
    connection.admit({ kind: 'pong', nonce: 9 }, 100);
    // Something was heard since the ping: the link stands, and is asked again.
    connection.tick(2_000, true);
    connection.tick(2_000, true);
    connection.admit({ kind: 'pong', nonce: 1 }, 2_100);
    assert.equal(connection.roundTrip.mean, null);
    connection.admit({ kind: 'pong', nonce: 2 }, 2_130);
    assert.equal(connection.roundTrip.mean, 130);
  });

  it('has a round trip that follows the last 16 pongs', () => {
    const connection = welcomed();
    for (let nonce = 1; nonce <= 17; nonce++) {
      const sentMs = 500 * (nonce - 1);
      connection.admit({ kind: 'pong', nonce }, sentMs + (nonce === 17 ? 13.2 : 10));
      connection.tick(500 * nonce, true);
    }
    assert.equal(connection.roundTrip.mean?.toFixed(6), '10.200000');
  });

  it('is dialled again after a half to the whole of a pause that doubles up to backoffMaxMs', () => {
    const pausesOf = (chance: number): number[] => {
      const bench = new LinkFixture({ chance: () => chance });
      return [1, 2, 3, 4, 5].map(() => {
        bench.feed({ kind: 'link-down', reason: '' }, 0);
        const { wakeMs } = bench;
        bench.feed({ kind: 'timer' }, wakeMs!);
        return wakeMs!;
      });
    };
    assert.deepEqual(pausesOf(0), [25, 50, 100, 200, 200]);
    assert.deepEqual(pausesOf(1), [50, 100, 200, 400, 400]);
  });
});

describe('before anything is measured', () => {
  const timings = () => new Timings(new ForgettingMean(1), new DraftPassTimes());

  it('six drafts of ten are expected to stand', () => {
    assert.equal(timings().acceptanceRate, 0.6);
  });

  it('tests fade to 37 % after 64 others', () => {
    const measured = timings();
    measured.addTests(0, 64);
    const kept = 2 * Math.exp(-1);
    assert.ok(Math.abs(measured.acceptanceRate - (0.6 * kept) / (kept + 64)) < 1e-12);
  });

  it('what no list of runners-up held fades to 37 % after 64 verdicts', () => {
    const model = new AcceptanceModel();
    for (let count = 0; count < 64; count++) model.learn(Float64Array.of(1), null);
    const held = model.chances(Float64Array.of(1)).reduce((sum, chance) => sum + chance, 0);
    const kept = 2 * Math.exp(-1);
    // The fading tests add up to 63.7 %/(1 - e^(-1/64)) of one.
    const tested = (1 - Math.exp(-1)) / (1 - Math.exp(-1 / 64));
    assert.ok(Math.abs(held - (0.85 * kept) / (kept + tested)) < 1e-12);
  });

  it('rounds of adaptive length have four tokens', () => {
    assert.equal(roundLength({ kind: 'adaptive', draftLengthMax: 8 }, timings()), 4);
    assert.equal(roundLength({ kind: 'adaptive', draftLengthMax: 2 }, timings()), 2);
  });

  it('a runner-up a logit below is expected in a quarter of the cases', () => {
    const chances = [...new AcceptanceModel().chances(Float64Array.of(1))];
    assert.deepEqual(
      chances.map((chance) => chance.toFixed(2)),
      ['0.60', '0.25'],
    );
  });
});

describe('drafting', () => {
  it('pauses where it saves less than one per cent of the time', () => {
    const pausesAt = (share: number): boolean => {
      const speculationGate = new SpeculationGate();
      const evidence = { share, shiftCount: 0, isUnwanted: false, tokenCount: 1 };
      for (let verdicts = 0; verdicts < 16; verdicts++) speculationGate.observe(evidence, 0);
      return speculationGate.allowance === 0;
    };
    assert.deepEqual([pausesAt(0.991), pausesAt(0.99)], [true, false]);
  });

  it('times a pass from its start where at most eight committed tokens are fed', () => {
    const timed = (newCount: number): boolean => {
      const timings = new Timings(new ForgettingMean(1), new DraftPassTimes());
      const drafting = new DraftRunner(0, () => undefined);
      const options = { countMax: 1, confidenceMin: 0, wantConfidence: false, alternativesMax: 0 };
      const start = (length: number, nowMs: number): void => {
        const log = { length, at: () => 2 };
        const chain = { base: length, end: length, at: () => null };
        drafting.start(options, 'greedy', [sequenceText({ log, chain }, 'chain')], nowMs);
      };
      start(3, 0);
      drafting.ended(1, ['count']);
      start(3 + newCount, 100);
      drafting.take(2, [{ sequenceIndex: 0, token: drafted(3 + newCount) }], timings, 107);
      return timings.draft.mean === 7;
    };
    assert.deepEqual([timed(8), timed(9)], [true, false]);
  });

  it('times a pass of several sequences from its start only where all feed few tokens', () => {
    let passCount = 0;
    const timings = { addDraftPass: () => passCount++ } as never;
    const drafting = new DraftRunner(0, () => undefined);
    const options = { countMax: 1, confidenceMin: 0, wantConfidence: false, alternativesMax: 0 };
    const text = (length: number, token: number | null) => {
      const log = { length, at: () => 2 };
      const chain = { base: length, end: length, at: () => null };
      const branch = {
        position: length,
        token: token!,
        source: 'hint',
        drafted: [],
        isClosed: false,
      };
      return sequenceText({ log, chain }, token === null ? 'chain' : (branch as AheadBranch));
    };
    drafting.start(options, 'greedy', [text(3, null)], 0);
    drafting.ended(1, ['count']);
    // Nine tokens of the chain, of which the branch feeds none again.
    drafting.start(options, 'greedy', [text(12, null), text(12, 7)], 100);
    drafting.take(2, [{ sequenceIndex: 0, token: drafted(12) }], timings, 107);
    assert.equal(passCount, 0);
  });

  it('goes on with the chain of stop-and-wait while its verdict is awaited', () => {
    const stopRule = { kind: 'fixed', draftLengthMax: 4 } as const;
    const terms = { ...viewOf().request, mode: 'stop-and-wait' as const, stopRule };
    for (const ahead of [aheadDefaults, aheadOff]) {
      const view = { settings: { ...settings, ahead }, request: terms, isAwaiting: true };
      assert.equal(chainRoom(viewOf(view, chainOf(4)), 0), 4);
    }
  });

  it('grows no branch beyond 16 tokens', () => {
    const ahead = { ...aheadDefaults, tokensMax: 64, chanceMin: 1e-9 };
    const stopRule = { kind: 'fixed', draftLengthMax: 32 } as const;
    const alternatives = { tokens: Int32Array.of(4), gaps: Float64Array.of(0) };
    const chain = chainOf(1, { sentTo: 4, at: () => ({ ...drafted(3), alternatives }) });
    const view = viewOf(
      {
        settings: { ...settings, ahead },
        request: { ...viewOf().request, stopRule },
        isAwaiting: true,
        windowMax: 1,
      },
      chain,
    );
    const action = new AheadPlanner(view.settings).plan(view, 0);
    assert.ok(action.kind === 'start' && action.grows[0] !== 'chain');
    assert.equal(action.run.countMax, 16);
  });
});

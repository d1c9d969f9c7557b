// Checks what the statistics of an answer count, by stories told frame by frame, and that every
// drafted token is counted as kept or as wasted, once.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DraftedToken } from '../../engine/engine.js';
import { type Mode, noShaping, type ServerFrame } from '../../protocol/frame.js';
import { DeviceWorld } from './device-world.suite.js';
import { aheadDefaults } from './drafting/ahead/ahead-budget.js';
import { LinkFixture, opened, verdict, welcome } from './link-fixture.suite.js';
import { drafted } from './session-view.suite.js';
import type { CoreStatistics } from './statistics.js';

function statisticsOf({ effects }: LinkFixture): CoreStatistics {
  const ended = effects.find((effect) => effect.kind === 'ended');
  assert.ok(ended?.kind === 'ended');
  return ended.statistics;
}

const cancelled = (bench: LinkFixture, nowMs: number): CoreStatistics =>
  statisticsOf(bench.feed({ kind: 'cancel', answer: 0 }, nowMs));

/** A token with the tokens that came close, best first. */
const unsure = (position: number, token: number, ...others: number[]): DraftedToken => {
  const gaps = Float64Array.from(others, (_, rank) => 0.1 * (rank + 1));
  return { ...drafted(position, token), alternatives: { tokens: Int32Array.from(others), gaps } };
};

describe('statistics', () => {
  it('count the tokens, rounds, messages and times of an answer', () => {
    const bench = new LinkFixture().connect().hear({ kind: 'pong', nonce: 1 }, 20);
    bench.ask({ mode: 'pipeline', tokensMax: 30 }).hear(opened(), 20);
    for (const [index, token] of [5, 6, 7, 8].entries()) {
      bench.draft(3 + index, token, null, 30 + 8 * index);
    }
    const times = { queueUs: 2_000, verifyUs: 30_000 };
    bench.hear(verdict({ from: 5, acceptedCount: 2, advisedDraftLength: 7, ...times }), 60);
    // The draft of position 5 is rejected: the one after it is lost with it.
    const residual = Int32Array.of(9);
    bench.hear(verdict({ from: 5, tokens: residual, rejectedCount: 1, ...times }), 100);
    // A step of the server tests no draft.
    bench.hear(verdict({ from: 6, tokens: Int32Array.of(2) }), 140);
    const { queueMs, verifyMs, ...counts } = cancelled(bench, 200);
    assert.deepEqual([queueMs, verifyMs], [2, 30]);
    assert.deepEqual(counts, {
      tokenCount: 4,
      origins: { drafted: 2, residual: 1, bonus: 0, target: 1 },
      sources: { device: 2, model: 0, suffix: 0, target: 2 },
      firstTokenMs: 60,
      totalMs: 200,
      tokensPerSecond: 20,
      draftedCount: 4,
      draftPassCount: 4,
      sentCount: 4,
      acceptedCount: 2,
      testedCount: 3,
      acceptanceRate: 2 / 3,
      draftEfficiency: 2 / 4,
      verdictCount: 3,
      roundCount: 2,
      chainTestedCount: 2,
      chainSurvivedCount: 1,
      chainSurvival: 1 / 2,
      draftStartCount: 3,
      aheadUsedCount: 1,
      keptCount: 2,
      wastedCount: 2,
      branchTokenCount: 0,
      branchUsedCount: 0,
      runnerUpHitCount: 0,
      hintHitCount: 0,
      branchMissCount: 0,
      hintCount: 0,
      lateHintCount: 0,
      hintRightCount: 0,
      hintLeadMs: null,
      upMessageCount: 5,
      downMessageCount: 4,
      resendCount: 0,
      resumeCount: 0,
      pauseCount: 0,
      pausedMs: 0,
      advisedDraftLength: 7,
      provisionalCount: 0,
      retractedCount: 0,
      draftMs: 8,
      roundTripMs: 20,
    });
  });

  it('name the sources of the tokens as the server tells them, and no more than there are', () => {
    const bench = new LinkFixture().feed({ kind: 'link-up' }).hear({ ...welcome, version: 4 });
    bench.ask({ mode: 'auto', tokensMax: 30 }).hear(opened()).draft(3, 5);
    const told = (deviceCount: number, modelCount: number, suffixCount: number) =>
      ({ sources: { deviceCount, modelCount, suffixCount } }) as const;
    // The draft is equal to a token that the server had looked up before.
    bench.hear(verdict({ from: 4, tokens: Int32Array.of(8, 9, 7), ...told(0, 1, 2) }), 40);
    bench.hear(verdict({ from: 7, tokens: Int32Array.of(8, 9), ...told(1, 300, 1) }), 80);
    const { sources, tokenCount } = cancelled(bench, 100);
    assert.equal(tokenCount, 6);
    assert.deepEqual(sources, { device: 1, model: 3, suffix: 2, target: 0 });
  });

  it('of an answer that ends at once are without rates', () => {
    const bench = new LinkFixture().connect().ask({ mode: 'pipeline' });
    const found = cancelled(bench, 0);
    const { firstTokenMs, tokensPerSecond, acceptanceRate, draftEfficiency } = found;
    const { chainSurvival, hintLeadMs, draftMs, verifyMs, queueMs } = found;
    const rates = [firstTokenMs, tokensPerSecond, acceptanceRate, draftEfficiency, chainSurvival];
    assert.deepEqual([...rates, hintLeadMs, draftMs, verifyMs, queueMs], Array(9).fill(null));
  });

  it('count the tokens of a branch that became text as kept, and the others as wasted', () => {
    const bench = new LinkFixture({ ahead: { ...aheadDefaults, chanceMin: 1e-9 } }).connect();
    // The chain has room for one token.
    const stopRule = { kind: 'fixed', draftLengthMax: 8 } as const;
    bench.ask({ mode: 'pipeline', tokensMax: 30, windowMax: 1, stopRule });
    bench.hear({ ...opened(), windowMax: 1 } as ServerFrame).grow([unsure(3, 5, 7)]);
    // Once the chain is with the server, the branch begins with the next event.
    bench
      .feed({ kind: 'timer' }, 10)
      .grow([drafted(4, 8)], 20)
      .grow([drafted(5, 9)], 30);
    bench.hear(verdict({ from: 3, tokens: Int32Array.of(7, 8) }), 50);
    const found = cancelled(bench, 60);
    const { draftedCount, keptCount, wastedCount } = found;
    assert.deepEqual([draftedCount, keptCount, wastedCount], [3, 1, 2]);
    const { branchTokenCount, branchUsedCount, runnerUpHitCount, branchMissCount } = found;
    assert.deepEqual([branchTokenCount, branchUsedCount], [2, 2]);
    assert.deepEqual([runnerUpHitCount, branchMissCount], [1, 0]);
  });

  it('count the tokens of a branch that no verdict asked for as wasted', () => {
    const bench = new LinkFixture({ ahead: aheadDefaults }).connect();
    bench.ask({ mode: 'pipeline', tokensMax: 30, windowMax: 1 });
    bench.hear({ ...opened(), windowMax: 1 } as ServerFrame).grow([unsure(3, 5, 7)]);
    bench.feed({ kind: 'timer' }, 10).grow([drafted(4, 8)], 20);
    const { draftedCount, keptCount, wastedCount } = cancelled(bench, 30);
    assert.deepEqual([draftedCount, keptCount, wastedCount], [2, 0, 2]);
  });

  it('take the time of a pass from what verdicts say, in race from their distance', () => {
    const passOf = (mode: Mode, shaping = noShaping): number | null => {
      const bench = new LinkFixture({ shaping }).feed({ kind: 'link-up' });
      bench
        .hear({ ...welcome, version: 3 })
        .ask({ mode, tokensMax: 30 })
        .hear(opened());
      bench.draft(3, 5).feed({ kind: 'timer' }, 90);
      const times = { verifyUs: 5_000, acceptedCount: 1 };
      bench.hear(verdict({ from: 4, ...times }), 100);
      return cancelled(bench.hear(verdict({ from: 4, ...times }), 130), 140).verifyMs;
    };
    assert.deepEqual([passOf('pipeline'), passOf('race')], [5, 30]);
    assert.equal(passOf('race', { padBytes: 0, aggregateMs: 10 }), 5, 'at flush times');
  });

  it('count hints, those whose token came, and how long before their verdicts they were here', () => {
    const bench = new LinkFixture({ ahead: aheadDefaults }).feed({ kind: 'link-up' });
    bench
      .hear({ ...welcome, version: 3 })
      .ask({ mode: 'pipeline', tokensMax: 30 })
      .hear(opened());
    const candidates = Int32Array.of(7, 8);
    const hint = { kind: 'hint', session: 0, epoch: 0, position: 3, candidates } as const;
    const confidences = Float32Array.of(0.6, 0.2);
    bench.draft(3, 5, null, 10).hear({ ...hint, confidences }, 20);
    bench.hear(verdict({ tokens: Int32Array.of(7), rejectedCount: 1 }), 50);
    // Of a token that is committed.
    bench.hear({ ...hint, confidences }, 60);
    bench.draft(4, 5, null, 70).hear({ ...hint, epoch: 1, position: 4, confidences }, 80);
    bench.hear(verdict({ epoch: 1, from: 5, acceptedCount: 1 }), 90);
    bench.draft(5, 6, null, 90).hear({ ...hint, epoch: 1, position: 5, confidences }, 90);
    bench.hear(verdict({ epoch: 1, from: 6, acceptedCount: 1 }), 110);
    const found = cancelled(bench, 120);
    const { hintCount, hintRightCount, lateHintCount, hintLeadMs } = found;
    assert.deepEqual([hintCount, hintRightCount, lateHintCount, hintLeadMs], [3, 1, 1, 20]);
    // One verdict contradicted the chain, two reached just its end.
    const { chainTestedCount, chainSurvivedCount, branchMissCount } = found;
    assert.deepEqual([chainTestedCount, chainSurvivedCount, branchMissCount], [3, 2, 1]);
  });

  for (const mode of ['race', 'pipeline', 'stop-and-wait'] as const) {
    it(`count every drafted token of ${mode} as kept or as wasted, branches included`, () => {
      for (const seed of [1, 2, 3]) {
        const world = new DeviceWorld({ seed, draft: { divergence: 0.4 }, jitterMs: 10 });
        const reported = world.generate(0, { mode });
        world.run();
        assert.ok(reported.end?.kind === 'ended');
        const { statistics: found } = reported.end;
        assert.ok(found.branchTokenCount > 0 && found.runnerUpHitCount > 0, `seed ${seed}`);
        assert.equal(found.keptCount + found.wastedCount, found.draftedCount, `seed ${seed}`);
      }
    });
  }
});

// Checks that hints cannot change a text, whether right, random or malicious, under every scheme
// and mode; and that branches cannot either, within any budget.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Hint,
  isOffered,
  modes,
  type Scheme,
  type ServerFrame,
  schemes,
} from '../../protocol/frame.js';
import type { Random } from '../../sim/random.js';
import { DeviceWorld, targetOnly, type WorldOptions } from './device-world.suite.js';
import { type AheadBudget, aheadDefaults, aheadOff } from './drafting/ahead/ahead-budget.js';
import type { GenerateRequest } from './event.js';
import type { Statistics } from './statistics.js';

interface Played {
  readonly text: readonly number[];
  readonly statistics: Statistics;
}

function play(options: Partial<WorldOptions>, changes: Partial<GenerateRequest>): Played {
  const world = new DeviceWorld(options);
  const reported = world.generate(0, changes);
  world.run();
  const { end } = reported;
  assert.ok(
    end?.kind === 'ended' && end.isVerified,
    end?.kind === 'failed' ? end.error.message : '',
  );
  assert.equal(world.drafter.jobCount, 0, 'every slot is freed');
  const { statistics } = end;
  assert.equal(
    statistics.draftedCount,
    statistics.keptCount + statistics.wastedCount,
    'every drafted token became text or waste',
  );
  return { text: reported.tokens.map(({ token }) => token), statistics };
}

const wideBudget: AheadBudget = {
  ...aheadDefaults,
  tokensMax: 256,
  inRace: true,
  chanceMin: 0.001,
  runnersUpMax: 8,
};

/** A guess about a session that is talked to, of its own chain or of none. */
function anyHint(frame: ServerFrame, random: Random): Hint[] {
  if (frame.kind !== 'verdict' || frame.end !== null || frame.law !== null) return [];
  const { session, epoch, from, tokens } = frame;
  const count = 1 + random.below(16);
  return [
    {
      kind: 'hint',
      session,
      epoch: random.happens(0.8) ? epoch : random.below(2 ** 20),
      position: Math.max(0, from + tokens.length - 2 + random.below(12)),
      candidates: Int32Array.from({ length: count }, () => random.below(16)),
      confidences: Float32Array.from({ length: count }, () => random.next()),
    },
  ];
}

/** Sure, at every place of the chain and far after it, and as often as it pleases. */
function hostileHints(frame: ServerFrame, random: Random): Hint[] {
  const [hint] = anyHint(frame, random);
  if (hint === undefined || frame.kind !== 'verdict') return [];
  const end = frame.from + frame.tokens.length;
  return Array.from({ length: 12 }, (_, offset) => ({
    ...hint,
    epoch: frame.epoch + random.below(2),
    position: offset === 11 ? 2 ** 31 - 1 : end + offset,
    candidates: Int32Array.from({ length: 4 }, () => random.below(16)),
    confidences: Float32Array.of(1, 1, 1, 1),
  }));
}

const worlds: Readonly<Record<string, Partial<WorldOptions>>> = {
  'neither branches nor hints': { device: { ahead: aheadOff } },
  'branches, no hints': { device: { ahead: { ...wideBudget, usesHints: false } } },
  'branches one after another': { sequencesMax: 1, device: { ahead: wideBudget } },
  'branches side by side, a row as expensive as a pass': {
    rowShare: 1,
    device: { ahead: wideBudget },
  },
  'hints only': {
    target: { exit: { agreement: 0.7 } },
    device: { ahead: { ...wideBudget, runnersUpMax: 0 } },
  },
  'an exit that is always right': {
    target: { exit: { agreement: 1 } },
    device: { ahead: wideBudget },
  },
  'an exit that knows nothing': {
    target: { exit: { agreement: 0 } },
    device: { ahead: wideBudget },
  },
  'random hints': { alsoSays: anyHint, device: { ahead: wideBudget } },
  'hostile hints': { alsoSays: hostileHints, device: { ahead: wideBudget } },
  'hostile hints on a bad link': {
    alsoSays: hostileHints,
    device: { ahead: wideBudget },
    jitterMs: 30,
    cuts: [150, 420],
  },
  'hostile hints for a device that wants none': {
    alsoSays: hostileHints,
    device: { ahead: aheadOff },
  },
};

const isRatio = (scheme: Scheme): boolean => scheme !== 'greedy' && scheme !== 'coupled';

describe('hints and branches', () => {
  for (const scheme of schemes) {
    for (const mode of modes.filter((one) => isOffered(scheme, one))) {
      it(`leave the text of ${scheme} in ${mode} as it is`, () => {
        for (const divergence of [0.3, 1]) {
          const changes = { scheme, mode } as const;
          const plain = play(
            { draft: { divergence }, ...worlds['neither branches nor hints'] },
            changes,
          );
          if (!isRatio(scheme)) assert.deepEqual(plain.text, targetOnly(changes));
          for (const [name, options] of Object.entries(worlds)) {
            // Of these two the draws depend on when a link breaks, as they do without hints.
            if (isRatio(scheme) && options.cuts !== undefined) continue;
            const { text } = play({ draft: { divergence }, ...options }, changes);
            assert.deepEqual(text, plain.text, `${name}, divergence ${divergence}`);
          }
        }
      });
    }
  }

  it('are not drafted under schemes whose corrections cannot be predicted', () => {
    for (const scheme of schemes.filter(isRatio)) {
      const options = { ...worlds['hostile hints'], draft: { divergence: 1 } };
      const { statistics } = play(options, { scheme, mode: 'stop-and-wait' });
      assert.equal(statistics.branchTokenCount, 0);
      assert.equal(statistics.hintCount, 0);
    }
  });

  it('cost nothing where the budget is 0: the drafter is asked for the chain alone, as if nothing could come', () => {
    for (const mode of modes) {
      const budget = { ...wideBudget, tokensMax: 0 };
      const asked = ({
        draftedCount,
        draftStartCount,
        branchTokenCount,
        hintCount,
      }: Statistics) => ({
        draftedCount,
        draftStartCount,
        branchTokenCount,
        hintCount,
      });
      const exit = { agreement: 1 };
      const none = play({ target: { exit }, device: { ahead: budget } }, { mode });
      const off = play({ device: { ahead: aheadOff } }, { mode });
      assert.deepEqual(asked(none.statistics), asked(off.statistics));
      assert.equal(off.statistics.branchTokenCount, 0);
    }
  });
});

describe('branches', () => {
  const target = { contextLength: 1024 };
  const far = { target, draft: { divergence: 0.3, contextLength: 1024 }, roundTripMs: 50 };
  const tokenMs = (ahead: AheadBudget, changes: Partial<GenerateRequest>, exit = 0): Statistics =>
    play(
      {
        ...far,
        device: { ahead },
        target: { ...target, exit: exit > 0 ? { agreement: exit } : null },
      },
      { tokensMax: 400, windowMax: 64, ...changes },
    ).statistics;

  for (const scheme of ['greedy', 'coupled'] as const) {
    it(`find the continuation of ${scheme} ready after many a correction, and save its time`, () => {
      const changes = {
        scheme,
        mode: 'stop-and-wait',
        stopRule: { kind: 'fixed', draftLengthMax: 4 },
      } as const;
      const off = tokenMs(aheadOff, changes);
      const on = tokenMs({ ...aheadDefaults, tokensMax: 48, chanceMin: 0.02 }, changes);
      const turns = on.runnerUpHitCount + on.hintHitCount + on.branchMissCount;
      assert.ok(on.runnerUpHitCount > 0.25 * turns, `${on.runnerUpHitCount} of ${turns}`);
      assert.ok(on.branchUsedCount > 0 && on.branchUsedCount < on.branchTokenCount);
      assert.ok(on.totalMs < 0.97 * off.totalMs, `${on.totalMs} of ${off.totalMs} ms`);
    });
  }

  it('grow side by side where a further row is cheap, sooner than one after another and in fewer passes', () => {
    const changes = {
      scheme: 'coupled',
      mode: 'stop-and-wait',
      tokensMax: 400,
      windowMax: 64,
      stopRule: { kind: 'fixed', draftLengthMax: 4 },
    } as const;
    const ahead = { ...aheadDefaults, tokensMax: 48 };
    const drafts = (options: Partial<WorldOptions>): Statistics => {
      const { statistics } = play(
        { ...far, roundTripMs: 5, device: { ahead }, ...options },
        changes,
      );
      return statistics;
    };
    const alone = drafts({ sequencesMax: 1 });
    assert.equal(alone.draftPassCount, alone.draftedCount);
    const cheap = drafts({ rowShare: 0.1 });
    assert.ok(cheap.draftPassCount < 0.8 * cheap.draftedCount, `${cheap.draftPassCount} passes`);
    assert.ok(cheap.totalMs < 0.97 * alone.totalMs, `${cheap.totalMs} of ${alone.totalMs} ms`);
    // A device finds out for itself, by three passes of four rows, and one more after a while.
    const costly = drafts({ rowShare: 1 });
    assert.ok(costly.draftedCount - costly.draftPassCount <= 12, `${costly.draftPassCount} passes`);
    assert.ok(costly.totalMs < 1.02 * alone.totalMs, `${costly.totalMs} of ${alone.totalMs} ms`);
  });

  it('follow a good exit: its hints come before their verdicts, are right, and hit', () => {
    const changes = {
      mode: 'stop-and-wait',
      stopRule: { kind: 'fixed', draftLengthMax: 4 },
    } as const;
    const on = tokenMs(
      { ...aheadDefaults, tokensMax: 48, runnersUpMax: 0, chanceMin: 0.02 },
      changes,
      1,
    );
    assert.ok(on.hintCount > 0.5 * on.roundCount, `${on.hintCount} hints, ${on.roundCount} rounds`);
    assert.ok(on.hintRightCount > 0.8 * on.hintCount, `${on.hintRightCount} of ${on.hintCount}`);
    assert.ok(on.hintHitCount > 0);
    // Half of a pass of 30 ms: the way down is the same for both.
    assert.ok(on.hintLeadMs! > 5 && on.hintLeadMs! <= 20, `${on.hintLeadMs} ms`);
  });
});

// Checks that a device and a server follow a change of their times: drafting rests where it does
// not pay, costs next to nothing meanwhile, and goes on soon after it pays again. Runs both cores
// in virtual time.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DeviceWorld, type WorldOptions } from './device-world.suite.js';
import { aheadOff } from './drafting/ahead/ahead-budget.js';

const contextLength = 4_096;

interface Change {
  readonly apply: (world: DeviceWorld) => void;
  readonly revert: (world: DeviceWorld) => void;
}

interface Regimes {
  readonly options: Partial<WorldOptions>;
  readonly change: Change;
  /** How long the change lasts. Default: 6 s. */
  readonly lastsMs?: number;
}

/** Before the change: long enough to settle. */
const settledMs = 4_000;

class Run {
  readonly world: DeviceWorld;
  readonly #answer;

  constructor(options: Partial<WorldOptions>, mode: 'auto' | 'race' | 'stream') {
    this.world = new DeviceWorld({
      device: { ahead: aheadOff, pingMs: 2_000 },
      ...options,
      target: { contextLength },
      draft: { divergence: 0.15, contextLength },
    });
    const terms = { mode, tokensMax: contextLength - 10, windowMax: 64 };
    this.#answer = this.world.generate(0, terms);
  }

  get tokenCount(): number {
    return this.#answer.tokens.length;
  }

  /** Tokens drafted and sent so far. */
  get sentCount(): number {
    return this.world.frames.up.reduce(
      (sum, frame) => sum + (frame.kind === 'draft' ? frame.ids.length : 0),
      0,
    );
  }

  tokensUntil(untilMs: number): number {
    const before = this.tokenCount;
    this.world.run(untilMs);
    return this.tokenCount - before;
  }

  /** Tokens of the answer until more drafts have been sent than probes would be. */
  tokensUntilDrafting(): number {
    const { tokenCount, sentCount } = this;
    for (let untilMs = this.world.nowMs; this.sentCount - sentCount < 16; untilMs += 5) {
      this.world.run(untilMs);
      assert.ok(this.tokenCount - tokenCount < 1_000, 'drafting has been given up');
    }
    return this.tokenCount - tokenCount;
  }
}

/** @returns tokens written under the change to those streamed, and those until drafting goes on. */
function play({ options, change, lastsMs = 6_000 }: Regimes): { share: number; resumed: number } {
  const runs = (['auto', 'stream'] as const).map((mode) => new Run(options, mode));
  const [drafting, streaming] = runs.map((run) => {
    run.tokensUntil(settledMs);
    change.apply(run.world);
    return run.tokensUntil(settledMs + lastsMs);
  });
  change.revert(runs[0]!.world);
  return { share: drafting! / streaming!, resumed: runs[0]!.tokensUntilDrafting() };
}

/** Of drafting, under a change that makes it useless. */
const lossMax = 0.02;

describe('drafting follows the times', () => {
  const cases: readonly (readonly [string, Regimes, number])[] = [
    [
      'of a target that becomes ten times faster, and slow again',
      {
        options: { passMs: 50, draftMs: 8 },
        change: {
          apply: (world) => world.slowTarget(0.1),
          revert: (world) => world.slowTarget(1),
        },
      },
      16,
    ],
    [
      'of a drafter that becomes three times slower for a minute, as when it is hot',
      {
        options: { passMs: 20, draftMs: 8 },
        change: {
          apply: (world) => world.drafter.slow(3),
          revert: (world) => world.drafter.slow(1),
        },
        lastsMs: 60_000,
      },
      96,
    ],
    [
      'of a link that becomes long, and short again',
      {
        options: { passMs: 12, draftMs: 10, roundTripMs: 5 },
        change: {
          apply: (world) => {
            world.roundTripMs = 80;
          },
          revert: (world) => {
            world.roundTripMs = 5;
          },
        },
      },
      96,
    ],
  ];
  for (const [name, regimes, resumedMax] of cases) {
    it(name, (test) => {
      const { share, resumed } = play(regimes);
      test.diagnostic(
        `${(100 * share).toFixed(1)} % of streaming, resumed after ${resumed} tokens`,
      );
      assert.ok(share > 1 - lossMax, `${share} of streaming`);
      assert.ok(resumed <= resumedMax, `resumed after ${resumed} tokens`);
    });
  }

  it('of a server that another user comes to and leaves', (test) => {
    const options = { passMs: 10, rowMs: 4, draftMs: 4 };
    const other = { mode: 'stream', tokensMax: contextLength - 10 } as const;
    const { share, resumed } = play({
      options,
      change: {
        apply: (world) => void world.generate(1, other),
        revert: (world) => world.feed({ kind: 'cancel', answer: 1 }),
      },
    });
    test.diagnostic(`${(100 * share).toFixed(1)} % of streaming, resumed after ${resumed} tokens`);
    assert.ok(share > 1 - lossMax, `${share} of streaming`);
    assert.ok(resumed <= 64, `resumed after ${resumed} tokens`);
  });
});

describe('a server that was fast, and whose rows cost as much as its passes', () => {
  it('asks for drafts again soon after its passes have got a floor', (test) => {
    // As `demo --keep`, which first runs without and then with a pause in each pass.
    const run = new Run({ passMs: 0.2, rowMs: 1, draftMs: 4, roundTripMs: 2 }, 'auto');
    run.tokensUntil(2_000);
    assert.ok(run.sentCount < run.tokenCount / 2, 'drafts do not pay');
    run.world.slowTarget(1, 50);
    const resumed = run.tokensUntilDrafting();
    test.diagnostic(`resumed after ${resumed} tokens`);
    assert.ok(resumed <= 24, `resumed after ${resumed} tokens`);
  });
});

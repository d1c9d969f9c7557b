// Checks race on a device: it drafts on through verdicts, sends as late as a pass allows, is not
// slower than the server alone, and rests where it cannot beat the server.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { raceTokenMsMin } from '../../math/round-time.js';
import { DeviceWorld, type WorldOptions } from './device-world.suite.js';
import { aheadOff } from './drafting/ahead/ahead-budget.js';
import type { GenerateRequest } from './event.js';
import type { Statistics } from './statistics.js';

function play(options: Partial<WorldOptions>, changes: Partial<GenerateRequest> = {}): Statistics {
  const target = { contextLength: 1024, ...options.target };
  const draft = { divergence: 0.15, contextLength: 1024, ...options.draft };
  const world = new DeviceWorld({ ...options, target, draft });
  const reported = world.generate(0, { tokensMax: 200, windowMax: 64, ...changes });
  world.run();
  assert.ok(reported.end?.kind === 'ended');
  return reported.end.statistics;
}

/** Branches take turns with the chain, each in a run of its own. */
const chainAlone = { device: { ahead: aheadOff } };

const perToken = ({ totalMs, firstTokenMs, tokenCount }: Statistics): number =>
  (totalMs - firstTokenMs!) / (tokenCount - 1);

describe('race', () => {
  it('with a perfect draft one run of the drafter goes through every verdict', () => {
    const { draftStartCount, chainSurvival, verdictCount } = play({
      ...chainAlone,
      draft: { divergence: 0 },
    });
    assert.equal(chainSurvival, 1);
    assert.ok(verdictCount > 20);
    // A run ends where the window is full, never because of a verdict that agrees.
    assert.ok(draftStartCount <= 4, `${draftStartCount} starts for ${verdictCount} verdicts`);
  });

  it('starts again once for each contradiction, and not more often', () => {
    const { draftStartCount, chainTestedCount, chainSurvivedCount } = play(chainAlone);
    const contradictions = chainTestedCount - chainSurvivedCount;
    assert.ok(contradictions > 10);
    // Beyond them only where the server has got ahead of the chain.
    assert.ok(draftStartCount <= contradictions * 1.5 + 4, `${draftStartCount}, ${contradictions}`);
  });

  it('is never slower than the stream by more than 2 %, at any round trip, with a fast and a slow drafter', () => {
    for (const roundTripMs of [0, 5, 20, 50, 100, 200]) {
      for (const draftMs of [8, 33]) {
        const stream = play({ roundTripMs, drafter: 'none' }, { mode: 'stream' });
        const race = play({ roundTripMs, draftMs });
        const ratio = perToken(stream) / perToken(race);
        assert.ok(ratio > 0.98, `round trip ${roundTripMs}, draft ${draftMs}: ${ratio}`);
      }
    }
  });

  it('comes near the bound of math/round-time.ts and sends less than two messages a pass', (t) => {
    for (const roundTripMs of [5, 20, 50]) {
      const race = play({ roundTripMs }, { tokensMax: 600 });
      const { upMessageCount, verdictCount, tokenCount, upBytes, acceptanceRate } = race;
      const times = { draftMs: 8, verifyMs: 30, roundTripMs };
      const bound = raceTokenMsMin(times, acceptanceRate!);
      t.diagnostic(
        `round trip ${roundTripMs}: ${perToken(race).toFixed(1)} ms a token, bound ${bound.toFixed(1)}, ` +
          `alpha ${acceptanceRate!.toFixed(2)}, messages up ${(upMessageCount / tokenCount).toFixed(2)} a token, ` +
          `${(upBytes / tokenCount).toFixed(1)} bytes`,
      );
      assert.ok(
        upMessageCount < 2 * verdictCount,
        `${upMessageCount} up, ${verdictCount} verdicts`,
      );
    }
  });

  it('a drafter slower than the target rests, says so, and asks again now and then at little cost', () => {
    const { pauseCount, pausedMs, totalMs, tokenCount, draftStartCount } = play(
      { draftMs: 40 },
      { tokensMax: 600 },
    );
    assert.ok(pauseCount >= 1, `${pauseCount} pauses`);
    assert.ok(pausedMs > 0.9 * totalMs);
    // Each pass overtakes the draft, which begins anew.
    assert.ok(draftStartCount > 32, 'it asks again');
    assert.ok(draftStartCount < tokenCount / 4, 'most of the energy is saved');
  });

  it('a drafter that overtakes never rests', () => {
    assert.equal(play({}, { tokensMax: 600 }).pauseCount, 0);
  });
});

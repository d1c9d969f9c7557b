// Checks that padding and aggregation change only the lengths and times of messages: texts stay the
// same in every mode, and messages have one length and one distance, both ways.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isOffered, modes, schemes } from '../../protocol/frame.js';
import { DeviceWorld, targetOnly, type WorldOptions } from './device-world.suite.js';

const shaping = { padBytes: 128, aggregateMs: 50 };

/** What is seen of one answer, without the greeting and the one ping behind it. */
function seenOf(options: Partial<WorldOptions>, mode: 'race' | 'pipeline' | 'stop-and-wait') {
  const world = new DeviceWorld({ ...options, device: { pingMs: 1e6, ...options.device } });
  const reported = world.generate(0, { mode });
  world.run();
  assert.equal(reported.end?.kind, 'ended');
  const ways = { up: world.seen.slice(3), down: world.seen };
  return {
    // Behind Hello, Open and Ping; before Close.
    up: ways.up.filter(({ direction: way }) => way === 'up').slice(0, -1),
    // Behind Welcome, Pong and Opened.
    down: ways.down.filter(({ direction: way }) => way === 'down').slice(3),
  };
}

const distances = (times: readonly { readonly atMs: number }[]): Set<number> =>
  new Set(times.slice(1).map(({ atMs }, index) => Math.round(atMs - times[index]!.atMs)));

describe('padding and aggregation', () => {
  for (const mode of ['race', 'pipeline', 'stop-and-wait'] as const) {
    it(`show one length and one distance of messages in ${mode}, asked for by the device`, () => {
      const { up, down } = seenOf({ device: { shaping } }, mode);
      assert.ok(up.length > 5 && down.length > 5);
      for (const seen of [up, down]) {
        assert.deepEqual([...new Set(seen.map(({ byteCount }) => byteCount))], [128]);
        assert.deepEqual([...distances(seen)], [50]);
      }
    });

    it(`show lengths of many kinds in ${mode} where nobody asks for it`, () => {
      const { down } = seenOf({}, mode);
      assert.ok(new Set(down.map(({ byteCount }) => byteCount)).size > 1);
    });
  }

  it('are the same where the server alone asks for them', () => {
    assert.deepEqual(
      seenOf({ server: { shaping } }, 'race'),
      seenOf({ device: { shaping } }, 'race'),
    );
  });

  it('leave texts as they are in every scheme and mode, over links that break', () => {
    const cuts = [400, 900];
    for (const scheme of schemes) {
      for (const mode of modes.filter((one) => isOffered(scheme, one))) {
        const world = new DeviceWorld({
          cuts,
          device: { shaping },
          target: { exit: { agreement: 0.5 } },
        });
        const reported = world.generate(0, { scheme, mode });
        world.run();
        assert.equal(reported.end?.kind, 'ended', `${scheme}, ${mode}`);
        if (scheme !== 'greedy' && scheme !== 'coupled') continue;
        const text = reported.tokens.map(({ token }) => token);
        assert.deepEqual(text, targetOnly({ scheme, mode }), `${scheme}, ${mode}`);
      }
    }
  });

  it('go on after a link was lost, for the session that asked for them', () => {
    const world = new DeviceWorld({ cuts: [400], device: { shaping, pingMs: 1e6 } });
    world.generate(0, { mode: 'race' });
    world.run();
    const verdicts = world.seen.filter(({ direction: way, atMs }) => way === 'down' && atMs > 700);
    assert.ok(verdicts.length > 5);
    assert.ok(verdicts.every(({ byteCount }) => byteCount === 128));
    assert.deepEqual([...distances(verdicts.slice(3))], [50]);
  });
});

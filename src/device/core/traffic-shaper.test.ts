// Checks that padding and aggregation change only the lengths and times of messages: texts stay the
// same in every mode, and messages have one length and one distance, both ways.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isOffered, modes, type ServerFrame, schemes } from '../../protocol/frame.js';
import { DeviceWorld, targetOnly, type WorldOptions } from './device-world.suite.js';
import { LinkFixture, opened, request, welcome } from './link-fixture.suite.js';

const shaping = { padBytes: 128, aggregateMs: 50 };

/** What is seen of one answer, without the greeting and the one ping after it. */
function seenOf(options: Partial<WorldOptions>, mode: 'race' | 'pipeline' | 'stop-and-wait') {
  const world = new DeviceWorld({ ...options, device: { pingMs: 1e6, ...options.device } });
  const reported = world.generate(0, { mode });
  world.run();
  assert.equal(reported.end?.kind, 'ended');
  const ways = { up: world.seen.slice(3), down: world.seen };
  return {
    // After Hello, Open and Ping; before Close.
    up: ways.up.filter(({ direction: way }) => way === 'up').slice(0, -1),
    // After Welcome, Pong and Opened.
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

    it(`show lengths of many kinds in ${mode} where it is not requested`, () => {
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

describe('a flush without a draft', () => {
  it('is covered while any of several answers may be drafted', () => {
    const bench = new LinkFixture({ shaping: { padBytes: 0, aggregateMs: 100 } });
    bench.feed({ kind: 'link-up' }).hear({ ...welcome, version: 3 });
    const covers = (nowMs: number): number =>
      bench
        .feed({ kind: 'timer' }, nowMs)
        .sent.filter((frame) => frame.kind === 'ping' && frame.isCover).length;
    bench.ask({ mode: 'stream' }).hear(opened());
    assert.equal(covers(100), 0);
    bench.feed({ kind: 'generate', answer: 1, request: { ...request, mode: 'pipeline' } }, 110);
    bench.hear(opened(1), 110);
    assert.equal(covers(200), 1);
  });
});

describe('a link that takes less than a message each flush', () => {
  for (const mode of ['pipeline', 'stop-and-wait'] as const) {
    it(`has a short queue, and an answer in ${mode} comes to its end`, () => {
      // 128 bytes each 20 ms are 6.4 a millisecond.
      const device = { shaping: { padBytes: 128, aggregateMs: 20 }, pingMs: 200 };
      const world = new DeviceWorld({ device, upBytesPerMs: 4 });
      const reported = world.generate(0, { mode });
      world.run(30_000);
      assert.equal(reported.end?.kind, 'ended');
      assert.deepEqual(
        reported.tokens.map(({ token }) => token),
        targetOnly({ mode }),
      );
      assert.ok(world.queuedMsMax < 500, `${world.queuedMsMax} ms in line`);
    });
  }
});

describe('a period that ends while the link is behind', () => {
  const device = { shaping: { padBytes: 0, aggregateMs: 100 }, linkTimeoutMs: 1_000 };
  const ofServer = (nonce: number): ServerFrame => ({ kind: 'pong', nonce });
  const sentOf = ({ sent }: LinkFixture) => sent.map(({ kind }) => kind);

  /** Round trips of 20 ms; since 500 ms a ping has been out, the second one. */
  function pinged(): LinkFixture {
    const bench = new LinkFixture(device)
      .feed({ kind: 'link-up' })
      .hear({ ...welcome, version: 3 });
    bench.ask({ mode: 'pipeline' }).hear(opened()).hear(ofServer(1), 20);
    for (let nowMs = 100; nowMs <= 400; nowMs += 100) {
      assert.deepEqual(sentOf(bench.feed({ kind: 'timer' }, nowMs)), ['ping']);
    }
    const [ping] = bench.feed({ kind: 'timer' }, 500).sent;
    assert.ok(ping?.kind === 'ping' && !ping.isCover && ping.nonce === 2);
    return bench;
  }

  it('goes by with nothing, and what was drafted goes with the first after the pong', () => {
    const bench = pinged();
    assert.deepEqual(sentOf(bench.feed({ kind: 'timer' }, 600)), ['ping']);
    assert.deepEqual(sentOf(bench.draft(3, 5)), []);
    for (let nowMs = 700; nowMs <= 1_400; nowMs += 100) {
      assert.deepEqual(sentOf(bench.feed({ kind: 'timer' }, nowMs)), [], `at ${nowMs} ms`);
    }
    bench.hear(ofServer(2), 1_450);
    assert.deepEqual(sentOf(bench.feed({ kind: 'timer' }, 1_500)), ['ping', 'draft']);
  });

  it('does so until the newest ping is answered, where others went out since', () => {
    const bench = pinged();
    // Something was heard, so the link is not lost, and is asked again.
    bench.hear(ofServer(0), 1_400).feed({ kind: 'timer' }, 1_500).feed({ kind: 'timer' }, 1_510);
    const [ping] = bench.sent;
    assert.ok(ping?.kind === 'ping' && ping.nonce === 3);
    bench.hear(ofServer(2), 1_750);
    assert.deepEqual(sentOf(bench.feed({ kind: 'timer' }, 1_800)), []);
    bench.hear(ofServer(3), 1_850);
    assert.deepEqual(sentOf(bench.feed({ kind: 'timer' }, 1_900)), ['ping']);
  });

  it('is known by a first pong that took too long to be waited for', () => {
    const bench = new LinkFixture(device)
      .feed({ kind: 'link-up' })
      .hear({ ...welcome, version: 3 });
    bench.ask({ mode: 'pipeline' }).hear(opened());
    const covered: number[] = [];
    for (let nowMs = 100; nowMs <= 4_000; nowMs += 100) {
      const { sent } = bench.feed({ kind: 'timer' }, nowMs);
      if (sent.some((frame) => frame.kind === 'ping' && frame.isCover)) covered.push(nowMs);
      // What the server says by itself keeps the link. It answers the first ping alone.
      bench.hear(ofServer(nowMs === 1_200 ? 1 : 0), nowMs);
      assert.equal(bench.count('hang-up'), 0);
    }
    // The second ping left at 1 100 ms and may be out for two round trips and a flush.
    assert.equal(covered.at(-1), 1_100 + 2 * 1_200 + 100);
  });
});

// Tests the simulated network: messages one way keep order and speed, a held direction keeps them,
// a broken one loses them silently, and both ends of a cut hear of it in their own time.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Link } from './link.js';
import { Timeline } from './timeline.js';

const model = { latencyMs: 10, jitterMs: 0, bytesPerMs: 1, overheadBytes: 0 };

class Ends {
  readonly timeline = new Timeline();
  readonly heard: string[] = [];
  readonly link: Link;

  constructor(jitterMs = 0, stall?: { share: number; ms: number }) {
    const end = (name: string) => ({
      message: (bytes: Uint8Array) => this.say(`${name} ${bytes.length}`),
      closed: (reason: string) => this.say(`${name} ${reason}`),
    });
    const models = { up: { ...model, jitterMs, ...(stall && { stall }) }, down: model };
    const ends = { device: end('device'), server: end('server') };
    this.link = new Link(0, this.timeline, models, 1, ends);
  }

  say(what: string): void {
    this.heard.push(`${this.timeline.nowMs}: ${what}`);
  }

  run(untilMs = Infinity): string[] {
    while (this.timeline.step(untilMs));
    return this.heard.splice(0);
  }
}

describe('simulated link', () => {
  it('takes latency, and the time that the bytes before and the own take', () => {
    const ends = new Ends();
    ends.link.sendUp(new Uint8Array(5));
    ends.link.sendUp(new Uint8Array(3));
    ends.link.sendDown(new Uint8Array(2));
    assert.deepEqual(ends.run(), ['12: device 2', '15: server 5', '18: server 3']);
  });

  it('stalls as large a share of the messages as it says, and those behind them', () => {
    const ends = new Ends(0, { share: 0.1, ms: 500 });
    for (let count = 0; count < 1_000; count++) {
      ends.timeline.at(1_000 * count, () => ends.link.sendUp(new Uint8Array(1)));
      ends.timeline.at(1_000 * count + 20, () => ends.link.sendUp(new Uint8Array(2)));
    }
    const latest = new Map<string, number>();
    for (const line of ends.run()) {
      const [at = '', , size = ''] = line.split(' ');
      const lateMs = (Number.parseFloat(at) % 1_000) - (size === '1' ? 11 : 32);
      const kind = lateMs === 0 ? 'in time' : lateMs >= 479 ? 'stalled' : 'odd';
      latest.set(`${size} ${kind}`, (latest.get(`${size} ${kind}`) ?? 0) + 1);
    }
    // Binomial(1000, 0.1) lies outside of these with chance below 1e-6; the second message waits
    // for the first or itself.
    const [first, second] = [latest.get('1 stalled')!, latest.get('2 stalled')!];
    assert.ok(first > 55 && first < 150, `${first}`);
    assert.ok(second > first && second < 270, `${second} behind ${first}`);
    assert.ok(!latest.has('1 odd') && !latest.has('2 odd'));
  });

  it('keeps the order whatever the jitter', () => {
    const ends = new Ends(50);
    for (let size = 1; size <= 20; size++) ends.link.sendUp(new Uint8Array(size));
    const sizes = ends.run().map((line) => Number(line.split(' ')[2]));
    assert.deepEqual(
      sizes,
      [...Array(20).keys()].map((index) => index + 1),
    );
  });

  it('keeps what is held until it is let go, what is under way included', () => {
    const ends = new Ends();
    ends.link.sendUp(new Uint8Array(1));
    ends.link.up.hold(100);
    ends.link.sendUp(new Uint8Array(2));
    assert.deepEqual(ends.run(), ['100: server 1', '100: server 2']);
  });

  it('broken: loses everything silently', () => {
    const ends = new Ends();
    ends.link.sendUp(new Uint8Array(1));
    ends.link.break('up');
    ends.link.sendUp(new Uint8Array(2));
    ends.link.sendDown(new Uint8Array(3));
    assert.deepEqual(ends.run(), ['13: device 3']);
  });

  it('cut: what is under way is lost, and each end hears once', () => {
    const ends = new Ends();
    ends.link.sendUp(new Uint8Array(1));
    ends.link.cut({ device: 5, server: 40 });
    assert.deepEqual(ends.run(), ['5: device cut', '40: server cut']);
  });

  it('closed: what was sent before arrives, and both ends agree', () => {
    const ends = new Ends();
    ends.link.sendDown(new Uint8Array(4));
    ends.link.closeFromServer('done');
    ends.link.sendDown(new Uint8Array(9));
    assert.deepEqual(ends.run(), ['14: device 4', '14: device done', '24: server done']);
  });

  it('a process that is gone: the other end hears of it, unless the way is broken', () => {
    const ends = new Ends();
    ends.link.deviceDied(7);
    assert.deepEqual(ends.run(), ['7: server reset']);
    const broken = new Ends();
    broken.link.break('up');
    broken.link.deviceDied(7);
    assert.deepEqual(broken.run(), []);
  });
});

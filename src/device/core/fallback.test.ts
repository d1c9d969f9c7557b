// Checks each fallback policy while the target is away, and that no draft is ever shown as
// verified.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PilotfishError } from '../../base/error.js';
import type { Mode } from '../../protocol/frame.js';
import { DeviceWorld, targetOnly } from './device-world.suite.js';

const errorOf = (reported: ReturnType<DeviceWorld['generate']>): PilotfishError => {
  assert.ok(reported.end?.kind === 'failed');
  return reported.end.error;
};

describe('a target that goes away', () => {
  const outage = { outages: [[300, 4000]] as const, draft: { divergence: 0.4 } };

  it('provisional: drafts are shown as such, then kept or taken back until the text is the target own', () => {
    for (const mode of ['race', 'pipeline', 'stop-and-wait', 'stream'] as const satisfies Mode[]) {
      const world = new DeviceWorld(outage);
      const reported = world.generate(0, { mode, fallback: 'provisional' });
      world.run(3000);
      const shown = reported.tokens.map(({ origin }) => origin);
      assert.ok(reported.provisionalCount > 5, `${mode}: ${reported.provisionalCount} provisional`);
      assert.deepEqual(new Set(shown.slice(-reported.provisionalCount)), new Set(['provisional']));
      world.run();
      assert.deepEqual(
        reported.tokens.map(({ token }) => token),
        targetOnly({}),
        mode,
      );
      assert.equal(reported.provisionalCount, 0);
      assert.ok(reported.end?.kind === 'ended' && reported.end.isVerified);
      const { statistics } = reported.end;
      assert.ok(statistics.provisionalCount > 5);
      assert.ok(statistics.retractedCount > 0, 'a draft model that differs is corrected');
      assert.ok(statistics.resumeCount >= 1);
    }
  });

  it('wait: nothing is shown until the link is back', () => {
    const world = new DeviceWorld(outage);
    const reported = world.generate(0, { fallback: 'wait' });
    world.run(3000);
    const count = reported.tokens.length;
    assert.ok(reported.tokens.every(({ origin }) => origin !== 'provisional'));
    world.run();
    assert.ok(reported.tokens.length > count);
    assert.deepEqual(
      reported.tokens.map(({ token }) => token),
      targetOnly({}),
    );
  });

  it('draft-only: the answer ends on drafts, and says that they were not verified', () => {
    const world = new DeviceWorld(outage);
    const reported = world.generate(0, { fallback: 'draft-only' });
    world.run(3500);
    assert.ok(reported.end?.kind === 'ended');
    assert.equal(reported.end.isVerified, false);
    assert.equal(reported.tokens.length, 40);
    assert.equal(reported.tokens.at(-1)!.origin, 'provisional');
    assert.equal(world.core.answerCount, 0);
    assert.equal(world.drafter.jobCount, 0);
  });

  it('draft-only and provisional start without a server that was never there', () => {
    const world = new DeviceWorld({
      outages: [[0, 5000]],
      device: { keepsTrying: true },
      draft: { divergence: 0.4 },
    });
    const alone = world.generate(0, { fallback: 'draft-only' });
    const later = world.generate(1, { fallback: 'provisional' });
    world.run();
    assert.ok(alone.end?.kind === 'ended' && !alone.end.isVerified);
    assert.ok(later.end?.kind === 'ended' && later.end.isVerified);
    assert.deepEqual(
      later.tokens.map(({ token }) => token),
      targetOnly({}),
    );
  });

  it('fail: the answer ends with link-lost as soon as the link is gone', () => {
    const world = new DeviceWorld(outage);
    const reported = world.generate(0, { fallback: 'fail' });
    world.run();
    assert.equal(world.nowMs, 300);
    assert.equal(errorOf(reported).code as string, 'link-lost');
    assert.equal(errorOf(reported).entry.exitCode, 4);
  });

  it('a server that was never there is server-unreachable at the first try', () => {
    const world = new DeviceWorld({ outages: [[0, 1e9]] });
    const reported = world.generate(0);
    world.run();
    assert.equal(errorOf(reported).code as string, 'server-unreachable');
    assert.equal(world.gaveUp.length, 1);
    const next = world.generate(1);
    assert.equal(errorOf(next).code as string, 'server-unreachable', 'later answers fail at once');
  });

  it('draft-only fails in time where only a server could render the messages', () => {
    const device = { awayMaxMs: 2000, keepsTrying: true };
    const world = new DeviceWorld({ ...outage, outages: [[0, 1e9]], device });
    const messages = [{ role: 'user' as const, content: 'a' }];
    const prompt = { kind: 'messages' as const, messages };
    const reported = world.generate(1, { prompt, fallback: 'draft-only' });
    world.run(60_000);
    assert.equal(errorOf(reported).code as string, 'server-unreachable');
  });

  it('a server that never comes back ends the answer with the code of its kind, draft-only excepted', () => {
    const device = { awayMaxMs: 2000 };
    const died = { outages: [[300, 1e9]] as const, device, draft: { divergence: 0.4 } };
    for (const fallback of ['wait', 'provisional'] as const) {
      const world = new DeviceWorld(died);
      const reported = world.generate(0, { fallback });
      world.run(60_000);
      assert.equal(errorOf(reported).code as string, 'link-lost', fallback);
      assert.match(errorOf(reported).message, /the server has been away for 2 s/);
      assert.ok(reported.end!.statistics.totalMs < 3000);
      assert.equal(world.drafter.jobCount, 0);
    }
    const never = { ...died, outages: [[0, 1e9]] as const };
    const world = new DeviceWorld({ ...never, device: { ...device, keepsTrying: true } });
    const waiting = world.generate(0, { fallback: 'provisional' });
    const alone = world.generate(1, { fallback: 'draft-only', tokensMax: 400 });
    world.run(60_000);
    assert.equal(errorOf(waiting).code as string, 'server-unreachable');
    assert.match(errorOf(waiting).message, /no server was reached in 2 s/);
    assert.ok(alone.end?.kind === 'ended' && !alone.end.isVerified);
    assert.ok(alone.end.statistics.totalMs > 2000, 'a slow draft may take its time');
  });

  it('a server that comes back in time is waited for anew each time', () => {
    const outages = [
      [200, 1500],
      [1900, 3300],
    ] as const;
    const world = new DeviceWorld({ outages, device: { awayMaxMs: 2000 } });
    const reported = world.generate(0, { fallback: 'wait', tokensMax: 80 });
    world.run();
    assert.equal(reported.tokens.length, 80);
    assert.ok(reported.end?.kind === 'ended' && reported.end.statistics.resumeCount === 2);
  });

  it('a server that stays silent on a link that stands: drafts are merged, sent again, shown as provisional', () => {
    const world = new DeviceWorld({ holdups: [[300, 9000]], draft: { divergence: 0.4 } });
    const reported = world.generate(0, { mode: 'stop-and-wait', fallback: 'provisional' });
    world.run(8000);
    assert.ok(reported.provisionalCount > 0);
    world.run();
    assert.deepEqual(
      reported.tokens.map(({ token }) => token),
      targetOnly({}),
    );
    assert.ok(reported.end?.kind === 'ended' && reported.end.statistics.resendCount >= 2);
  });

  it('a session that the server has forgotten is opened again with the answer so far', () => {
    const world = new DeviceWorld({ outages: [[300, 70_000]] });
    const reported = world.generate(0, { fallback: 'wait' });
    world.run();
    assert.deepEqual(
      reported.tokens.map(({ token }) => token),
      targetOnly({}),
    );
    const opens = world.frames.up.filter(({ kind }) => kind === 'open');
    assert.equal(opens.length, 2);
    assert.ok(opens[1]!.kind === 'open' && opens[1]!.answer.length > 0);
  });
});

describe('refusals', () => {
  it('a stolen key ends the connection with the reason, and is not dialled again', () => {
    const world = new DeviceWorld({ device: { key: 'stolen' } });
    const reported = world.generate(0);
    world.run();
    assert.equal(errorOf(reported).code as string, 'server-refused');
    assert.match(errorOf(reported).message, /key-refused/);
  });

  it('another vocabulary is named by its first difference', () => {
    const block = { vocabSize: 16, from: 0, texts: ['<s>', '</s>', ' ', 'b'] };
    const vocabulary = {
      size: 16,
      fingerprint: 'other',
      tokenText: (token: number) => ['<s>', '</s>', ' ', 'a'][token] ?? 'x',
    };
    const world = new DeviceWorld({
      device: { vocabulary },
      server: { differingBlock: () => block },
    });
    const reported = world.generate(0);
    world.run();
    assert.equal(errorOf(reported).code, 'vocabulary-mismatch');
    assert.match(
      errorOf(reported).message,
      /first difference at id 3: "b" in the target, "a" in the draft/,
    );
  });

  it('a prompt beyond the context fails with its own code', () => {
    const world = new DeviceWorld({ target: { contextLength: 16 } });
    const reported = world.generate(0, {
      prompt: { kind: 'ids', ids: new Int32Array(40).fill(3) },
    });
    world.run();
    assert.equal(errorOf(reported).code, 'prompt-too-long');
  });

  it('bytes that are no frame end the connection as protocol-violated', () => {
    const world = new DeviceWorld();
    const reported = world.generate(0);
    world.run(200);
    world.message(Uint8Array.of(255, 255, 255));
    world.run();
    assert.equal(errorOf(reported).code as string, 'protocol-violated');
    assert.equal(world.drafter.jobCount, 0);
  });
});

// Checks what experiments in virtual time rest on: speeds compare the same answers in both modes,
// and a link profile becomes the simulator's link.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { linkProfiles } from '../profiles/link-profiles.js';
import { runServiceHere } from './run-service.js';
import { linkModelOf, race, type ServiceFixture, serve, speedOf, stream } from './serve.js';

const bed: ServiceFixture = {
  deviceCount: 2,
  devices: [
    { name: 'one', share: 1, draftMs: 5, divergence: 0.2, link: linkModelOf(linkProfiles.lan) },
  ],
  pass: { fixedMs: 30, tokenMs: 0, rowMs: 0, tokenContextMs: 0 },
  answerTokens: 40,
  seeds: [1, 2, 3],
};

it('a user streams at the pace of the passes, and never slower in race while rows cost nothing', async () => {
  const streamed = await serve(runServiceHere, bed, stream);
  assert.equal(streamed.answersMs.length, 6);
  assert.ok(
    streamed.tokenMs.value >= 30 && streamed.tokenMs.value <= 31.6,
    `${streamed.tokenMs.value}`,
  );
  assert.equal(streamed.acceptedShare, null);
  const speed = speedOf(await serve(runServiceHere, bed, race), streamed);
  assert.ok(speed.low > 1, `race at ${speed.low} of streaming`);
  assert.deepEqual(speedOf(streamed, streamed), { value: 1, low: 1, high: 1 });
});

it('throughput is that of all devices together', async () => {
  const { tokensPerSecond, tokenMs } = await serve(runServiceHere, bed, stream);
  const expected = (2 * 1_000) / tokenMs.value;
  assert.ok(Math.abs(tokensPerSecond.value / expected - 1) < 0.01, `${tokensPerSecond.value}`);
});

it('a link profile gives its latency each way, its bytes a millisecond and its stalls', () => {
  const { overheadBytes: _, ...model } = linkModelOf(linkProfiles.lte);
  const stall = { share: 0.005, ms: 200 };
  assert.deepEqual(model, {
    ...{ latencyMs: 25, jitterMs: 15, upBytesPerMs: 1_250, downBytesPerMs: 5_000, stall },
  });
  assert.ok(!('stall' in linkModelOf(linkProfiles.lan)));
});

// What the DSSD experiment rests on: the bytes it counts are those that cross a real socket, its
// arithmetic is that of stop-and-wait, and its scripted pair is a pair of models.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Engine, Scheme } from '../../src/engine/engine.js';
import { createScriptedEngine } from '../../src/engine/index.js';
import { speculate } from '../../src/engine/local/speculate.js';
import { bannedEnd } from '../../src/engine/scripted-vocabulary.js';
import { plainSampling } from '../../src/math/sampling.js';
import { startServer } from '../../src/server/index.js';
import { evenLink, wireBytesOf } from '../../src/sim/profiles/link-profiles.js';
import { connectDevice, write } from '../loop/fleet.js';
import type { RoundsText } from './dssd/rounds.js';
import {
  acceptanceOf,
  communicationMs,
  onTheServer,
  perToken,
  tokensPerSecond,
} from './dssd/time.js';
import { spikyEngine } from './spiky-model.js';
import { type Exchange, tapWire } from './wire-tap.js';

const prompt = Int32Array.of(0, 3, 5);
const tokensMax = 60;
const draftLength = 4;
const divergence = 0.4;

const engines = (): { target: Engine; draft: Engine } => ({
  target: createScriptedEngine(),
  draft: createScriptedEngine({ divergence }),
});

async function tapped(scheme: Scheme): Promise<Exchange[]> {
  const { target, draft } = engines();
  const tap = tapWire(target, draft, null, () => 7n);
  const request = {
    prompt,
    tokensMax,
    scheme,
    sampling: bannedEnd,
    seed: 7n,
    draftLength,
    confidenceMin: 0,
  };
  for await (const _ of speculate(tap.target, tap.draft, request));
  return tap.take();
}

const sum = (rounds: readonly Exchange[], name: 'upBytes' | 'downBytes'): number =>
  rounds.reduce((total, round) => total + round[name], 0);

for (const scheme of ['coupled', 'split', 'full'] as const) {
  it(`rounds of ${scheme} that are listened to take the bytes of rounds over a socket`, async () => {
    const rounds = await tapped(scheme);
    const { target, draft } = engines();
    const server = await startServer({ engine: target, port: 0 });
    const drafter = { kind: 'engine', engine: draft } as const;
    const device = await connectDevice(server.address, target.info.vocabulary, drafter);
    const { statistics } = await write(device, {
      prompt,
      seed: 7n,
      scheme,
      sampling: bannedEnd,
      mode: 'stop-and-wait',
      tokensMax,
      windowMax: draftLength,
      stopRule: { kind: 'fixed', draftLengthMax: draftLength },
    });
    await device.close();
    await server.close();
    await draft.close();
    // Sessions open and close, pings come and go, and times have other digits: a few bytes a round.
    const spareBytes = 12 * rounds.length + 120;
    // Under split the text is another draw of the same law: laws come with rejections, so those are
    // set against each other.
    const rejected = rounds.filter((one) => one.acceptedCount < one.draftedCount).length;
    const { draftedCount, origins } = statistics;
    const drafted = rounds.reduce((total, one) => total + one.draftedCount, 0);
    const scale = { upBytes: draftedCount / drafted, downBytes: origins.residual / rejected };
    for (const name of ['upBytes', 'downBytes'] as const) {
      const counted = sum(rounds, name) * (scheme === 'split' ? scale[name] : 1);
      assert.ok(
        Math.abs(statistics[name] - counted) <= spareBytes,
        `${name}: ${statistics[name]} over the socket, ${counted} counted in ${rounds.length} rounds`,
      );
    }
  });
}

const round = (draftedCount: number, acceptedCount: number): Exchange => ({
  draftedCount,
  acceptedCount,
  upBytes: 70,
  downBytes: 1_180,
  tail: null,
});
const text: RoundsText = { tokenCount: 6, rounds: [round(4, 4), round(4, 0)] };

it('a round over a link takes its drafts, its round trip, its bytes each way and a pass', () => {
  // 70 and 1180 bytes become 140 and 1250 with all layers: 1.12 and 10 ms at 1 Mbit/s.
  assert.equal(wireBytesOf(70), 140);
  assert.equal(wireBytesOf(1_180), 1_250);
  assert.ok(Math.abs(communicationMs(round(4, 4), evenLink(20, 1)) - 31.12) < 1e-9);
  const speed = tokensPerSecond([text], evenLink(20, 1), { draftMs: 5, passMs: 30 });
  assert.ok(Math.abs(speed.value - 6_000 / (2 * (20 + 31.12 + 30))) < 1e-9);
  assert.ok(Math.abs(onTheServer([text], { draftMs: 5, passMs: 30 }).value - 60) < 1e-9);
  assert.equal(acceptanceOf([text]).value, 4 / 5);
  assert.equal(perToken([text], ({ upBytes }) => upBytes).value, 140 / 6);
});

it('a tail that has to be asked for costs a second round trip and its bytes', () => {
  const asked = { ...round(4, 0), tail: { upBytes: 10, downBytes: 1_180 } };
  const extraMs =
    communicationMs(asked, evenLink(20, 1)) - communicationMs(round(4, 0), evenLink(20, 1));
  assert.ok(Math.abs(extraMs - (20 + (8 * (80 + 1_250)) / 1_000)) < 1e-9, `${extraMs}`);
});

it('the scripted pair writes the same coupled text with drafts and without', async () => {
  const textOf = async (length: number): Promise<number[]> => {
    const target = spikyEngine(2_000, 0);
    const draft = spikyEngine(2_000, 2);
    const tokens: number[] = [];
    const request = {
      ...{ prompt, tokensMax, seed: 3n, confidenceMin: 0 },
      sampling: plainSampling,
    };
    for await (const one of speculate(target, draft, {
      ...request,
      scheme: 'coupled',
      draftLength: length,
    })) {
      tokens.push(...one.tokens);
    }
    return tokens;
  };
  assert.deepEqual(await textOf(4), await textOf(0));
});

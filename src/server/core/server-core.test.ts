// Under greedy and coupled the text is the target's, whoever drafts and however frames, passes and connections interleave;
// nothing is kept once all have gone.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Mode, modes, type Open } from '../../protocol/frame.js';
import { Harness, type HarnessOptions, openFrame } from './core-harness.suite.js';
import { dice, FakeDevice, type Roll } from './fake-device.suite.js';
import { targetText } from './scripted-target.suite.js';

interface Party {
  readonly device: FakeDevice;
  /** Null while it is cut off. */
  connection: number | null;
  /** Frames from the server that have not arrived. */
  cuts: number;
}

/**
 * Runs devices and engine in a random order until all answers are over.
 *
 * @param isRough whether connections are cut and clogged on the way.
 * @returns the devices.
 */
function interleave(
  harness: Harness,
  opens: readonly Open[],
  roll: Roll,
  isRough: boolean,
): Party[] {
  let nextConnection = 1;
  const parties = opens.map((open): Party => {
    const text = targetText(open, { slotCount: 1 });
    const device = new FakeDevice(open, text, 0.2 + 0.8 * roll(), roll);
    const connection = nextConnection++;
    harness.connect(connection);
    harness.send(connection, open);
    return { device, connection, cuts: 0 };
  });
  for (let step = 0; parties.some(({ device }) => !device.isOver); step++) {
    assert.ok(step < 60_000, 'the interleaving does not come to an end');
    harness.advance(roll() * 3);
    const choice = roll();
    if (choice < 0.4) harness.stepEngine();
    else
      act(
        harness,
        parties[Math.floor(roll() * parties.length)]!,
        roll,
        () => nextConnection++,
        isRough,
      );
  }
  return parties;
}

function act(
  harness: Harness,
  party: Party,
  roll: Roll,
  next: () => number,
  isRough: boolean,
): void {
  const { device } = party;
  if (party.connection === null) {
    party.connection = next();
    harness.connect(party.connection);
    harness.send(party.connection, device.resume(device.session));
    return;
  }
  const choice = roll();
  if (choice < 0.5) {
    // One frame at a time, so that others may come between.
    const frame = harness.inboxes.get(party.connection)!.shift();
    if (frame) device.receive(frame);
    return;
  }
  if (isRough && choice < 0.57) {
    const kind = choice < 0.54 ? 'clogged' : 'cleared';
    harness.feed({ kind, connection: party.connection });
    return;
  }
  if (isRough && choice > 0.98 && device.resumeKey && party.cuts < 5 && !device.isOver) {
    // What was under way is lost.
    harness.disconnect(party.connection);
    party.connection = null;
    party.cuts++;
    return;
  }
  const frame = choice > 0.95 ? device.repeat() : device.draft();
  if (frame) harness.send(party.connection, frame);
}

function checkTexts(parties: readonly Party[]): void {
  for (const { device } of parties) {
    assert.equal(device.failure, null);
    assert.deepEqual(device.committed, targetText(device.open, { slotCount: 1 }));
    assert.ok(device.acceptedCount <= device.testedCount);
  }
}

function closeAll(harness: Harness, parties: readonly Party[]): void {
  for (const { device, connection } of parties) {
    harness.send(connection!, { kind: 'close', session: device.session });
    harness.disconnect(connection!);
  }
  harness.settle();
  assert.equal(harness.core.retainedCount, 0);
  // A refused pass would be healed from the token log, and so go unseen in the text.
  assert.equal(harness.core.stats().passFailureCount, 0);
}

function opensOf(roll: Roll, count: number, allowed: readonly Mode[] = modes): Open[] {
  return Array.from({ length: count }, (_, index) => {
    const prompt = Array.from(
      { length: 1 + Math.floor(roll() * 40) },
      () => 2 + Math.floor(roll() * 3),
    );
    return openFrame({
      prompt: { kind: 'ids', ids: Int32Array.of(0, ...prompt) },
      mode: allowed[Math.floor(roll() * allowed.length)]!,
      scheme: roll() < 0.5 ? 'greedy' : 'coupled',
      seed: BigInt(index % 3),
      tokensMax: 1 + Math.floor(roll() * 40),
      windowMax: 1 + Math.floor(roll() * 20),
    });
  });
}

const setups: { readonly name: string; readonly options: HarnessOptions }[] = [
  { name: 'as many slots as sessions', options: { model: { slotCount: 8 } } },
  { name: 'two slots, swapped', options: { model: { slotCount: 2 } } },
  {
    name: 'one slot, rebuilt',
    options: { model: { slotCount: 1 }, settings: { swapBytesMax: 0 } },
  },
  {
    name: 'passes of nine tokens',
    options: { model: { slotCount: 3, passTokensMax: 9, passRowsMax: 5 } },
  },
  {
    name: 'static batches of four',
    options: {
      model: { slotCount: 8 },
      settings: { batching: { kind: 'static', count: 4, waitMs: 20 } },
    },
  },
];

describe('server core, greedy and coupled', () => {
  for (const mode of modes) {
    it(`writes the target's text in mode ${mode}`, () => {
      const roll = dice(77);
      const harness = new Harness();
      const parties = interleave(harness, opensOf(roll, 4, [mode]), roll, false);
      checkTexts(parties);
      closeAll(harness, parties);
    });
  }

  for (const { name, options } of setups) {
    it(`writes the target's text whatever interleaves: ${name}`, () => {
      for (let seed = 1; seed <= 12; seed++) {
        const roll = dice(seed * 7919);
        const harness = new Harness(options);
        try {
          const parties = interleave(harness, opensOf(roll, 6), roll, true);
          checkTexts(parties);
          closeAll(harness, parties);
        } catch (reason) {
          throw new Error(`seed ${seed}: ${(reason as Error).message}`, { cause: reason });
        }
      }
    });
  }
});

// Plays several fake devices on one server core, in any order: who drafts, who receives, whose link
// breaks or reads slowly, and what all of them must have in the end.

import assert from 'node:assert/strict';
import { type Mode, modes, type Open } from '../../protocol/frame.js';
import { type Harness, openFrame } from './core-harness.suite.js';
import { FakeDevice, type Roll } from './fake-device.suite.js';
import { targetText } from './scripted-target.suite.js';

export interface Party {
  readonly device: FakeDevice;
  /** Null while it is cut off. */
  connection: number | null;
  /** Frames from the server that have not arrived. */
  cuts: number;
}

/**
 * Runs devices and engine in a random order until all answers are over.
 *
 * @param isRough whether connections are cut and clogged.
 * @returns the devices.
 */
export function interleave(
  harness: Harness,
  opens: readonly Open[],
  roll: Roll,
  isRough: boolean,
): Party[] {
  let nextConnection = 1;
  const parties = opens.map((open) => joined(harness, open, nextConnection++, roll));
  for (let step = 0; parties.some(({ device }) => !device.isOver); step++) {
    assert.ok(step < 60_000, 'the interleaving does not come to an end');
    harness.advance(roll() * 3);
    const choice = roll();
    if (choice < 0.4) harness.stepEngine();
    else if (choice < 0.5 && harness.drafts.length > 0) harness.stepDrafter();
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

/** A device that has connected and asked. */
export function joined(harness: Harness, open: Open, connection: number, roll: Roll): Party {
  const text = targetText(open, { slotCount: 1 });
  const device = new FakeDevice(open, text, 0.2 + 0.8 * roll(), roll);
  harness.connect(connection);
  harness.send(connection, open);
  return { device, connection, cuts: 0 };
}

/**
 * One party does one thing: receives a frame, drafts, repeats itself, loses its link or comes back.
 */
export function act(
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
    // Frames under way are lost.
    harness.disconnect(party.connection);
    party.connection = null;
    party.cuts++;
    return;
  }
  const frame = choice > 0.95 ? device.repeat() : device.draft();
  if (frame) harness.send(party.connection, frame);
}

/** Everybody has the text that the target writes alone. */
export function checkTexts(parties: readonly Party[]): void {
  for (const { device } of parties) {
    assert.equal(device.failure, null);
    assert.deepEqual(device.committed, targetText(device.open, { slotCount: 1 }));
    assert.ok(device.acceptedCount <= device.testedCount);
  }
}

/** Everybody leaves, and nothing is kept. */
export function closeAll(harness: Harness, parties: readonly Party[]): void {
  for (const { device, connection } of parties) {
    harness.send(connection!, { kind: 'close', session: device.session });
    harness.disconnect(connection!);
  }
  harness.settle();
  assert.equal(harness.core.retainedCount, 0);
}

/** Requests under greedy and coupled, with prompts that begin alike now and then. */
export function opensOf(roll: Roll, count: number, allowed: readonly Mode[] = modes): Open[] {
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
      wantsHints: index % 2 === 0,
    });
  });
}

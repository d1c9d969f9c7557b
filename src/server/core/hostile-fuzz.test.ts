// One hostile connection among others: whatever it sends, and whenever, the others receive what they receive without it,
// nothing throws, and nothing is kept once all have gone. Two seconds of it; PILOTFISH_FUZZ_RUNS makes it longer, and
// PILOTFISH_FUZZ_SEED repeats it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Harness } from './core-harness.suite.js';
import { dice } from './fake-device.suite.js';
import { type HostileAct, HostilePeer, hostileAct } from './hostile-peer.suite.js';
import { act, checkTexts, closeAll, joined, opensOf, type Party } from './party.suite.js';

const { PILOTFISH_FUZZ_RUNS, PILOTFISH_FUZZ_SEED } = process.env;
const numRuns = Number(PILOTFISH_FUZZ_RUNS ?? 100);
const timeLimit =
  PILOTFISH_FUZZ_RUNS === undefined ? { interruptAfterTimeLimit: 2_000 } : undefined;
const seed = Number(PILOTFISH_FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));

/** Two slots for three devices and a peer: everybody's cache is moved about. */
const model = {
  slotCount: 2,
  contextLength: 96,
  passTokensMax: 24,
  passRowsMax: 12,
  exit: { agreement: 0.5 },
};
const honestCount = 3;
/** Connections from here on are the hostile peer's. */
const firstHostile = 1_000;

/** What the hostile peers were told, over all runs. */
const met = new Map<string, number>();

/** Plays devices, engine and hostile peer in turns until all answers are over. @returns the texts of the devices. */
function play(devicesSeed: number, acts: readonly HostileAct[] | null): number[][] {
  const roll = dice(devicesSeed + 1);
  const harness = new Harness({ model, settings: { swapBytesMax: 600 } });
  let nextConnection = 1;
  const parties = opensOf(roll, honestCount).map((open) =>
    joined(harness, open, nextConnection++, roll),
  );
  const peer = acts && new HostilePeer(harness, firstHostile);
  const isOver = (): boolean => parties.every(({ device }) => device.isOver);
  for (let step = 0; step < (acts?.length ?? 0) || !isOver(); step++) {
    assert.ok(step < 20_000, 'the devices do not come to an end');
    const hostile = acts?.[step];
    if (hostile) peer!.act(hostile);
    if (roll() < 0.4) harness.stepEngine();
    const party = parties[Math.floor(roll() * honestCount)]!;
    if (!isOver()) act(harness, party, roll, () => nextConnection++, true);
  }
  checkTexts(parties);
  peer?.leave();
  for (const [what, count] of peer?.met ?? []) met.set(what, (met.get(what) ?? 0) + count);
  leaveNothing(harness, parties);
  return parties.map(({ device }) => device.committed);
}

function leaveNothing(harness: Harness, parties: readonly Party[]): void {
  // What the peer left behind may be resumed for a while.
  harness.settle();
  harness.advance(harness.settings.limits.resumeMs + 5_000);
  closeAll(harness, parties);
  const { slotsOwned, images } = harness.core.stats();
  assert.deepEqual([slotsOwned, images.bytes], [0, 0]);
}

describe('a hostile connection', () => {
  it('changes nothing that the others receive, and leaves nothing behind', (t) => {
    t.diagnostic(`seed ${seed}, up to ${numRuns} runs`);
    fc.assert(
      fc.property(
        fc.nat(2 ** 30),
        fc.array(hostileAct, { minLength: 10, maxLength: 120, size: 'max' }),
        (devicesSeed, acts) => {
          assert.deepEqual(play(devicesSeed, acts), play(devicesSeed, null));
        },
      ),
      { seed, numRuns, ...timeLimit },
    );
    const told = [...met].sort(([, a], [, b]) => b - a).map(([what, count]) => `${what} ${count}`);
    t.diagnostic(told.join(', '));
    // Ten runs meet about ten kinds of them: with fewer than four the peer would not have got past the door.
    assert.ok(met.size >= 4, 'the peer does not reach anything worth attacking');
  });
});

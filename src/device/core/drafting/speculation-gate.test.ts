// Checks that a device which cannot beat the server rests, that it asks now and then at a bounded
// cost, and that it goes on at once when drafting pays again.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type DraftEvidence, SpeculationGate } from './speculation-gate.js';

const poor: DraftEvidence = { share: 1, shiftCount: 0, isUnwanted: false, tokenCount: 1 };
const unwanted: DraftEvidence = { ...poor, share: 0.5, isUnwanted: true };

function resting(): SpeculationGate {
  const gate = new SpeculationGate();
  for (let verdict = 0; verdict < 16; verdict++) gate.observe(poor, 0);
  assert.equal(gate.allowance, 0);
  return gate;
}

/** Tokens of the answer from one probe to the next; each probe is drafted whole. */
function probesOf(gate: SpeculationGate, evidence: DraftEvidence, tokenCount: number): number[] {
  const distances: number[] = [];
  for (let token = 0, since = 0; token < tokenCount; token++) {
    gate.observe(evidence, 0);
    since++;
    if (gate.allowance === 0) continue;
    assert.equal(gate.allowance, 4);
    gate.drafted(4);
    distances.push(since);
    since = 0;
  }
  return distances;
}

describe('drafting that does not pay', () => {
  it('rests after sixteen verdicts in a row, and one that pays begins anew', () => {
    const gate = new SpeculationGate();
    for (let verdict = 0; verdict < 15; verdict++) gate.observe(poor, 0);
    gate.observe({ ...poor, share: 0.9 }, 0);
    for (let verdict = 0; verdict < 15; verdict++) gate.observe(poor, 0);
    gate.observe({ ...poor, share: null }, 0);
    assert.equal(gate.allowance, Infinity);
    gate.observe(poor, 0);
    assert.equal(gate.allowance, 0);
  });

  it('is probed with four tokens after 8 tokens of the answer, 16, 32, then every 64', () => {
    assert.deepEqual(probesOf(resting(), poor, 248), [8, 16, 32, 64, 64, 64]);
  });

  it('is not probed for longer than eight tokens of the answer, however slow the drafter', () => {
    const gate = resting();
    const isOpen = Array.from({ length: 24 }, () => {
      gate.observe(poor, 0);
      return gate.allowance > 0;
    });
    assert.equal(isOpen.indexOf(true), 7);
    assert.equal(isOpen.lastIndexOf(true), 23);
    assert.equal(isOpen.filter((open) => open).length, 8 + 1);
  });

  it('is probed at once where a measured time has left its range', () => {
    const gate = resting();
    assert.deepEqual(probesOf(gate, poor, 30), [8, 16]);
    assert.deepEqual(probesOf(gate, { ...poor, shiftCount: 1 }, 25), [1, 16]);
  });

  it('goes on with the first verdict that says it pays, with a margin against fluttering', () => {
    const gate = resting();
    gate.observe({ ...poor, share: 0.985 }, 0);
    assert.equal(gate.allowance, 0);
    gate.observe({ ...poor, share: 0.98 }, 0);
    assert.equal(gate.allowance, Infinity);
  });

  it('is told with its time', () => {
    const gate = new SpeculationGate();
    for (let verdict = 0; verdict < 16; verdict++) gate.observe(poor, 100);
    assert.deepEqual([gate.pauseCount, gate.pausedMs(350)], [1, 250]);
    gate.observe({ ...poor, share: 0.5 }, 400);
    assert.deepEqual([gate.pauseCount, gate.pausedMs(900)], [1, 300]);
  });
});

describe('drafting that the server advises against', () => {
  it('rests at once, is probed likewise, and is no pause of the device', () => {
    const gate = new SpeculationGate();
    gate.observe(unwanted, 0);
    assert.equal(gate.allowance, 0);
    assert.deepEqual(probesOf(gate, unwanted, 120), [8, 16, 32, 64]);
    assert.deepEqual([gate.pauseCount, gate.pausedMs(10)], [0, 0]);
  });

  it('goes on as soon as the advice changes', () => {
    const gate = new SpeculationGate();
    gate.observe(unwanted, 0);
    gate.observe({ ...unwanted, isUnwanted: false }, 0);
    assert.equal(gate.allowance, Infinity);
  });
});

// Checks that a short answer begins with what the answers before it have shown, and that nothing is
// shared between connections or keys that should not be.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ConnectionId } from '../event.js';
import type { Session } from '../session.js';
import type { Tenant } from '../tenants/tenant.js';
import { DraftingMemory } from './drafting-memory.js';
import type { SessionDrafting } from './session-drafting.js';

const [one, other] = [{} as Tenant, {} as Tenant];
const connection = 7 as ConnectionId;

const sessionOf = (tenant: Tenant, id: ConnectionId | null = connection): Session =>
  ({
    address: id === null ? null : { connection: id, session: 1 },
    terms: { windowMax: 64, tenant },
  }) as unknown as Session;

/** Drafts of the device come 10 ms apart and 30 ms after a correction; all of them stand. */
function learn(known: SessionDrafting): void {
  for (let depth = 0; depth < 40; depth++) known.model.add(depth, true);
  const told = Array.from({ length: 40 }, () => ({ told: 0.3, stood: true }));
  known.decided({ acceptedCount: 40, rejectedCount: 0 }, told);
  known.arrivals.committed(10, true, 100);
  known.arrivals.arrived(10, 1, true, 130);
  known.arrivals.arrived(11, 1, false, 140);
  for (let pass = 0; pass < 20; pass++) known.committed(3, 20, 0, 30 * pass);
}

function remembered(): { memory: DraftingMemory; first: SessionDrafting } {
  const memory = new DraftingMemory();
  const first = memory.begin(sessionOf(one), 20);
  learn(first);
  memory.keep(sessionOf(one), first);
  return { memory, first };
}

describe('what is remembered between answers', () => {
  it('is how drafts stand, when they come, and how fast the text is', () => {
    const { memory, first } = remembered();
    const next = memory.begin(sessionOf(one), 20);
    assert.ok(next.model.rate > 0.9 && next.device.rate > 0.9);
    assert.equal(next.deviceChance(0.3, 0), first.deviceChance(0.3, 0));
    assert.equal(next.arrivals.restartMs, 30);
    assert.equal(next.arrivals.tokenMs, 10);
    assert.ok(Math.abs(next.rate.perMs - 0.1) < 1e-9);
  });

  it('is a guess that a few drafts of the new text outweigh', () => {
    const next = remembered().memory.begin(sessionOf(one), 20);
    for (let fall = 0; fall < 24; fall++) next.model.add(0, false);
    assert.ok(next.model.rate < 0.45, `${next.model.rate}`);
  });

  it('never lets one answer spend what another has saved', () => {
    const { memory, first } = remembered();
    const fresh = new DraftingMemory().begin(sessionOf(one), 20);
    const next = memory.begin(sessionOf(one), 20);
    assert.ok(first.budget.leftMs > fresh.budget.leftMs);
    assert.equal(next.budget.leftMs, fresh.budget.leftMs);
    assert.equal(next.patience.leftMs, fresh.patience.leftMs);
  });

  it('believes a bad rate by half, so that the source is tried again', () => {
    const memory = new DraftingMemory();
    let known = memory.begin(sessionOf(one), 20);
    const { rate: guess } = known.model;
    for (let answer = 0; answer < 20; answer++) {
      for (let fall = 0; fall < 300; fall++) known.model.add(0, false);
      memory.keep(sessionOf(one), known);
      known = memory.begin(sessionOf(one), 20);
    }
    assert.ok(known.model.rate > guess / 2 - 0.01, `${known.model.rate}`);
  });

  it("is the key's alone, and of a device its connection's alone", () => {
    const { memory } = remembered();
    const fresh = new DraftingMemory().begin(sessionOf(one), 20);
    const elsewhere = memory.begin(sessionOf(one, 8 as ConnectionId), 20);
    assert.ok(elsewhere.model.rate > 0.9, 'the draft model of the same key');
    assert.equal(elsewhere.device.rate, fresh.device.rate);
    assert.equal(elsewhere.arrivals.restartMs, null);
    const stranger = memory.begin(sessionOf(other, 8 as ConnectionId), 20);
    assert.equal(stranger.model.rate, fresh.model.rate);
  });

  it('ends with the connection, and begins with none', () => {
    const { memory } = remembered();
    assert.equal(memory.count, 1);
    memory.forget(connection);
    assert.equal(memory.count, 0);
    assert.equal(memory.begin(sessionOf(one), 20).arrivals.restartMs, null);
    memory.keep(sessionOf(one, null), memory.begin(sessionOf(one, null), 20));
    assert.equal(memory.count, 0);
  });
});

// Applies a fault to a world, and returns whether it met anything: a fault without effect does not
// count.

import { encodeFrame } from '../protocol/codec.js';
import type { Fault } from './fault-plan.js';
import type { Link } from './link.js';
import { Random } from './random.js';
import type { Scenario } from './scenario.js';
import type { Ask } from './sim-answer.js';
import type { SimDevice } from './sim-device.js';
import type { SimDraftEngine } from './sim-draft-engine.js';
import type { SimServer } from './sim-server.js';
import { planBurst } from './workload.js';

/** The world as faults see it. */
export interface FaultyWorld {
  readonly plan: { readonly scenario: Scenario; readonly seed: number };
  readonly servers: readonly SimServer[];
  readonly devices: readonly SimDevice[];
  readonly nowMs: number;
  ask(ask: Ask): void;
  /** Ids for requests that were not planned. */
  nextAskIds(count: number): number;
  /** Runs something later; the run waits for it. */
  recover(afterMs: number, run: () => void): void;
}

/** @returns whether it had an effect. */
export function inject(world: FaultyWorld, fault: Fault): boolean {
  switch (fault.kind) {
    case 'server-crash':
    case 'drain':
    case 'engine-error':
    case 'slow-pass':
    case 'server-drafter-failure':
    case 'server-drafter-slow':
    case 'server-drafter-wrong':
    case 'spoilt-image':
    case 'lost-slot':
      return meetServer(world, fault, world.servers[fault.target % world.servers.length]!);
    case 'storm':
      return storm(world, fault);
    case 'crowd':
      return gather(world, fault);
    default:
      return meetDevice(world, fault, deviceFor(world, fault));
  }
}

/** Picks a busy device, if there is one: faults are meant to hurt. */
function deviceFor({ devices }: FaultyWorld, { target }: Fault): SimDevice {
  const busy = devices.filter(({ live }) => live.size > 0);
  const pool = busy.length > 0 ? busy : devices;
  return pool[target % pool.length]!;
}

function meetDevice(world: FaultyWorld, fault: Fault, device: SimDevice): boolean {
  const { link } = device;
  switch (fault.kind) {
    case 'device-crash':
      return crashDevice(world, fault, device);
    case 'slow-device':
      return slowDevice(world, fault, device);
    case 'clock-skew':
      // From half as fast to twice as fast as true.
      device.skew(2 ** (2 * fault.strength - 1));
      return device.isRunning;
    case 'drafter-failure':
      return breakDrafter(fault, device);
    case 'cancel':
      return cancel(fault, device);
    case 'outage':
      device.outUntilMs = world.nowMs + fault.forMs;
      world.recover(fault.forMs, () => undefined);
      if (link !== null) cut(world, fault, device, link);
      return device.isRunning;
    default:
      return link !== null && meetLink(world, fault, device, link);
  }
}

function meetLink(world: FaultyWorld, fault: Fault, device: SimDevice, link: Link): boolean {
  switch (fault.kind) {
    case 'cut':
      cut(world, fault, device, link);
      return true;
    case 'half-open':
      // One way only, or both.
      if (fault.strength < 2 / 3) link.break('up');
      if (fault.strength > 1 / 3) link.break('down');
      return true;
    case 'stall':
      if (fault.strength < 2 / 3) link.up.hold(world.nowMs + fault.forMs);
      if (fault.strength > 1 / 3) link.down.hold(world.nowMs + fault.forMs);
      world.recover(fault.forMs, () => undefined);
      return true;
    case 'slow-link':
      slowLink(world, fault, link);
      return true;
    case 'repeat':
      for (const { bytes } of device.recentDrafts) link.sendUp(bytes);
      return device.recentDrafts.length > 0;
    case 'false-hint':
      return lie(world, fault, device, link);
    default:
      return false;
  }
}

/**
 * Sends confident false hints about every chain that was sent recently: no token of them may reach
 * a text.
 */
function lie(
  { plan }: FaultyWorld,
  { id }: Fault,
  { recentDrafts }: SimDevice,
  link: Link,
): boolean {
  const random = new Random(plan.seed, 'false-hint', id);
  for (const { frame } of recentDrafts) {
    const { session, epoch, from, ids, probs, laws } = frame;
    // A server that has asked for a residual token does not hint.
    if (ids.length === 0 || probs !== null || laws !== null) continue;
    const candidates = Int32Array.from({ length: 1 + random.below(8) }, () => random.below(16));
    const confidences = Float32Array.from(candidates, () => random.next());
    const position = from + random.below(ids.length + 2);
    link.sendDown(encodeFrame({ kind: 'hint', session, epoch, position, candidates, confidences }));
  }
  return recentDrafts.length > 0;
}

/** Cuts the link; one end hears of it soon, the other late, depending on the strength. */
function cut(world: FaultyWorld, { strength }: Fault, device: SimDevice, link: Link): void {
  const { roundTripMs } = device.parts;
  link.cut({ device: strength * roundTripMs, server: (1 - strength) * 5 * roundTripMs });
  world.recover(5 * roundTripMs, () => undefined);
}

function slowLink(world: FaultyWorld, { strength, forMs }: Fault, link: Link): void {
  const factor = 2 + 50 * strength;
  link.up.slow(factor);
  link.down.slow(factor);
  world.recover(forMs, () => {
    link.up.slow(1);
    link.down.slow(1);
  });
}

function storm(world: FaultyWorld, fault: Fault): boolean {
  const linked = world.devices.filter(({ link }) => link !== null);
  for (const device of linked) {
    device.outUntilMs = world.nowMs + fault.forMs * fault.strength;
    cut(world, fault, device, device.link!);
  }
  world.recover(fault.forMs, () => undefined);
  return linked.length > 0;
}

function crashDevice(world: FaultyWorld, fault: Fault, device: SimDevice): boolean {
  if (!device.isRunning) return false;
  const lost = [...device.live.values()];
  device.crash(fault.strength * device.parts.roundTripMs);
  world.recover(fault.forMs, () => {
    device.start();
    // The user asks the same again, and must get the same.
    for (const { ask } of lost) world.ask(ask);
  });
  return true;
}

function slowDevice(world: FaultyWorld, fault: Fault, device: SimDevice): boolean {
  const { drafter } = device;
  if (!device.isRunning || drafter === null) return false;
  drafter.slow(1 + 20 * fault.strength);
  world.recover(fault.forMs, () => drafter.slow(1));
  return true;
}

function breakDrafter({ target }: Fault, { drafter }: SimDevice): boolean {
  const answers = drafter?.answers ?? [];
  return answers.length > 0 && drafter!.break(answers[target % answers.length]!);
}

function cancel({ target }: Fault, device: SimDevice): boolean {
  const answers = [...device.live.keys()];
  if (answers.length === 0) return false;
  device.feed({ kind: 'cancel', answer: answers[target % answers.length]! });
  return true;
}

function meetServer(world: FaultyWorld, fault: Fault, server: SimServer): boolean {
  const { engine } = server;
  if (!server.isUp) return false;
  switch (fault.kind) {
    case 'server-crash':
      replace(world, fault, server, fault.forMs);
      return true;
    case 'drain':
      return drain(world, fault, server);
    case 'engine-error':
      engine.failNext(1 + Math.floor(3 * fault.strength), fault.target % 2 === 0);
      return engine.waitingCount > 0;
    case 'slow-pass':
      engine.slow(1 + 20 * fault.strength);
      world.recover(fault.forMs, () => engine.slow(1));
      return engine.waitingCount > 0;
    case 'spoilt-image':
      engine.spoilImages(1 + Math.floor(3 * fault.strength));
      return server.core.stats().slotsOwned > 0;
    case 'lost-slot':
      engine.loseSlot(Math.floor(fault.strength * server.settings.model.slotCount));
      return server.core.stats().slotsOwned > 0;
    default:
      return server.drafter !== null && meetServerDrafter(world, fault, server.drafter);
  }
}

function meetServerDrafter(
  world: FaultyWorld,
  { kind, strength, forMs }: Fault,
  drafter: SimDraftEngine,
): boolean {
  switch (kind) {
    case 'server-drafter-failure':
      drafter.failNext(strength < 0.95 ? 1 : 3);
      return drafter.takeUse();
    case 'server-drafter-slow':
      drafter.slow(1 + 50 * strength);
      world.recover(forMs, () => drafter.slow(1));
      return drafter.takeUse();
    case 'server-drafter-wrong':
      drafter.err(true);
      world.recover(forMs, () => drafter.err(false));
      return drafter.takeUse();
    default:
      return false;
  }
}

/** Ends a server's process; another takes its place after a while. */
function replace(world: FaultyWorld, { id }: Fault, server: SimServer, afterMs: number): void {
  const random = new Random(world.plan.seed, 'reset', id);
  server.crash(() => random.next() * 100);
  world.recover(afterMs, () => server.start());
}

/** Restarts a server as an operator does: drain, let answers finish for a while, stop, start. */
function drain(world: FaultyWorld, fault: Fault, server: SimServer): boolean {
  const others = world.servers.filter((other) => other !== server && other.isUp);
  server.feed({ kind: 'drain', alternatives: others.map(({ address }) => address) });
  const { startCount } = server;
  const isSame = (): boolean => server.isUp && server.startCount === startCount;
  world.recover(fault.forMs, () => {
    if (!isSame()) return;
    server.feed({ kind: 'stop' });
    world.recover(200, () => {
      if (isSame()) replace(world, fault, server, 50);
    });
  });
  return true;
}

/** Makes more requests at once than there are slots. */
function gather(world: FaultyWorld, { id, strength }: Fault): boolean {
  const running = world.devices.filter(({ isRunning }) => isRunning);
  const count = Math.ceil(running.length * (0.5 + strength));
  const devices = Array.from({ length: count }, (_, index) => running[index % running.length]);
  const { scenario, seed } = world.plan;
  const indexes = devices.flatMap((device) => (device === undefined ? [] : [device.index]));
  const source = { work: scenario.work, seed };
  for (const ask of planBurst(source, indexes, world.nowMs, world.nextAskIds(count), id)) {
    world.ask(ask);
  }
  return running.length > 0;
}

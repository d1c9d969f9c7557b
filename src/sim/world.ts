// Runs servers, devices and the network between them in one virtual time, with the requests and
// faults of a plan. Pure: the same plan gives the same run, event by event.

import { inject } from './fault-injector.js';
import { type Fault, planFaults } from './fault-plan.js';
import { type DevicePlan, planDevice, planServer, type ServerPlan } from './fleet.js';
import { Link } from './link.js';
import { type Models, toyModels } from './models.js';
import { type Observer, observersAsOne } from './observer.js';
import { Random } from './random.js';
import type { Scenario } from './scenario.js';
import type { Ask, SimAnswer } from './sim-answer.js';
import { SimDevice } from './sim-device.js';
import { SimServer } from './sim-server.js';
import { type Tampering, untampered } from './tampering.js';
import { Timeline } from './timeline.js';
import { planAsks } from './workload.js';

/** All requests and faults of a run; can be cut down and run again. */
export interface RunPlan {
  readonly scenario: Scenario;
  readonly seed: number;
  readonly deviceCount: number;
  readonly asks: readonly Ask[];
  readonly faults: readonly Fault[];
  /** Default: the toys. Checkers know those only. */
  readonly models?: Models;
}

export function planRun(scenario: Scenario, seed: number): RunPlan {
  const deviceCount = new Random(seed, 'fleet').wholeWithin(scenario.deviceCount);
  const asks = planAsks(scenario, seed, deviceCount);
  return { scenario, seed, deviceCount, asks, faults: planFaults(scenario, seed) };
}

export class World {
  readonly plan: RunPlan;
  readonly timeline = new Timeline();
  readonly servers: SimServer[];
  readonly devices: SimDevice[];
  readonly observers: Required<Observer>;
  readonly answers: SimAnswer[] = [];
  eventCount = 0;
  /** When the last fault is over. */
  quietFromMs = 0;
  readonly #models: Models;
  readonly #serverPlan: ServerPlan;
  readonly #devicePlans: DevicePlan[];
  /** Requests, faults and recoveries that are still to come. */
  #pendingCount = 0;
  #linkCount = 0;
  #askCount: number;
  #isStopped = false;

  constructor(plan: RunPlan, observers: readonly Observer[], tampering: Tampering = untampered) {
    const { scenario, seed, deviceCount, models = toyModels } = plan;
    this.#models = models;
    this.plan = plan;
    this.observers = observersAsOne(observers);
    this.#serverPlan = planServer(scenario, seed, models.vocabulary);
    this.#devicePlans = Array.from({ length: deviceCount }, (_, index) =>
      planDevice(scenario, seed, index, models.vocabulary),
    );
    const serverCount = new Random(seed, 'servers').wholeWithin(scenario.serverCount);
    this.servers = Array.from({ length: serverCount }, (_, index) =>
      this.#makeServer(index, tampering),
    );
    this.devices = this.#devicePlans.map((device, index) =>
      this.#makeDevice(device, index, tampering),
    );
    // Requests added by faults get ids behind all planned ones.
    this.#askCount = plan.asks.reduce((most, { id }) => Math.max(most, id + 1), 0);
  }

  #makeServer(index: number, tampering: Tampering): SimServer {
    const { timeline, observers, plan } = this;
    return new SimServer(index, {
      timeline,
      seed: plan.seed,
      ...this.#serverPlan,
      models: this.#models,
      observers,
      tampering,
    });
  }

  #makeDevice(device: DevicePlan, index: number, tampering: Tampering): SimDevice {
    const { timeline, observers, plan } = this;
    const { link, ...rest } = device;
    return new SimDevice(index, {
      timeline,
      seed: plan.seed,
      ...rest,
      models: this.#models,
      roundTripMs: link.up.latencyMs + link.down.latencyMs,
      observers,
      dial: (from, number, alternative) => this.#dial(from, number, alternative),
      tampering,
    });
  }

  get nowMs(): number {
    return this.timeline.nowMs;
  }

  /** Ends the run after the current event. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Runs until all that was planned has happened and all answers are over, or their time is up. */
  run(): void {
    for (const server of this.servers) server.start();
    for (const device of this.devices) device.start();
    for (const ask of this.plan.asks) this.#plan(ask.atMs, () => this.ask(ask));
    for (const fault of this.plan.faults) this.#plan(fault.atMs, () => this.#inject(fault));
    const { durationMs, graceMs } = this.plan.scenario;
    const isLive = (): boolean => this.devices.some(({ live }) => live.size > 0);
    const isBusy = (): boolean => this.#pendingCount > 0 || isLive();
    this.#runWhile(isBusy, () => Math.max(durationMs, this.quietFromMs) + graceMs);
    if (!this.#isStopped && !isBusy()) this.#closeDown();
  }

  #runWhile(isBusy: () => boolean, untilMs: () => number): void {
    // Looking at every device after every event would cost more than the events.
    while (!this.#isStopped) {
      for (let burst = 0; burst < 64 && !this.#isStopped; burst++) {
        if (!this.timeline.step(untilMs())) return;
        this.eventCount++;
      }
      if (!isBusy()) return;
    }
  }

  /** Closes all devices, and waits until servers have expired their state. */
  #closeDown(): void {
    for (const device of this.devices) device.feed({ kind: 'close' });
    const { resumeMs, silenceMs } = this.#serverPlan.settings.limits;
    const untilMs = this.nowMs + resumeMs + 2 * silenceMs + 10_000;
    this.#runWhile(
      () => true,
      () => untilMs,
    );
    if (!this.#isStopped) this.observers.onEnd();
  }

  #plan(atMs: number, run: () => void): void {
    this.#pendingCount++;
    this.timeline.at(atMs, () => {
      this.#pendingCount--;
      run();
    });
  }

  /** Runs something later; the run waits for it. */
  recover(afterMs: number, run: () => void): void {
    this.quietFromMs = Math.max(this.quietFromMs, this.nowMs + afterMs);
    this.#plan(this.nowMs + afterMs, run);
  }

  /** Makes a request; waits for its device if that is down. */
  ask(ask: Ask): void {
    const device = this.devices[ask.device]!;
    if (device.isRunning) this.answers.push(device.ask(ask));
    else this.recover(100, () => this.ask(ask));
  }

  /** Ids for requests that were not planned. */
  nextAskIds(count: number): number {
    this.#askCount += count;
    return this.#askCount - count;
  }

  #inject(fault: Fault): void {
    this.quietFromMs = Math.max(this.quietFromMs, this.nowMs);
    const isFelt = inject(this, fault);
    this.observers.onFault(fault, isFelt);
  }

  /** A dial takes a round trip, answered or not. */
  #dial(device: SimDevice, number: number, alternative: string | null): void {
    const { link: models } = this.#devicePlans[device.index]!;
    const home = this.servers[device.index % this.servers.length]!;
    const server = this.servers.find(({ address }) => address === alternative) ?? home;
    this.timeline.at(this.nowMs + device.parts.roundTripMs, () => {
      if (!server.isUp || device.outUntilMs > this.nowMs) {
        device.refused(number);
        return;
      }
      const id = this.#linkCount++;
      const ends = { device: device.endFor(number), server: server.endFor(device.index, id) };
      const link = new Link(id, this.timeline, models, this.plan.seed, ends);
      server.accept(device.index, link);
      if (!device.connected(number, link)) link.closeFromDevice('not needed any more');
    });
  }
}

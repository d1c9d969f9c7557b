// Runs in virtual time on several threads, with the same results on any number of them. Nothing may
// be timed meanwhile: await what was ordered first.

import { Worker } from 'node:worker_threads';
import { assert } from '../../src/base/assert.js';
import { PilotfishError } from '../../src/base/error.js';
import type { Service, ServiceFigures } from '../../src/sim/index.js';
import type { RunService } from '../../src/sim/service/run-service.js';

export interface ServiceOrder {
  readonly service: Service;
  readonly seed: number;
}

interface Job extends ServiceOrder {
  readonly resolve: (figures: ServiceFigures) => void;
  readonly reject: (reason: Error) => void;
}

export class ServicePool {
  readonly #threadsMax: number;
  readonly #waiting: Job[] = [];
  readonly #idle: Worker[] = [];
  readonly #busy = new Map<Worker, Job>();
  #failure: Error | null = null;

  /** @param threadsMax >= 1, started as needed. @param signal once aborted, the pool is closed. */
  constructor(threadsMax: number, signal: AbortSignal) {
    this.#threadsMax = threadsMax;
    if (signal.aborted) void this.close();
    signal.addEventListener('abort', () => void this.close(), { once: true });
  }

  /** In the order of the calls. Real models cannot change threads. */
  readonly play: RunService = (service, seed) => {
    assert(service.real === undefined, 'toy models');
    return new Promise((resolve, reject) => {
      this.#waiting.push({ service, seed, resolve, reject });
      this.#start();
    });
  };

  #start(): void {
    if (this.#failure !== null) {
      for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
      return;
    }
    while (this.#waiting.length > 0) {
      const worker = this.#idle.pop() ?? this.#open();
      if (worker === null) return;
      const job = this.#waiting.shift()!;
      this.#busy.set(worker, job);
      worker.postMessage({ service: job.service, seed: job.seed } satisfies ServiceOrder);
    }
  }

  #open(): Worker | null {
    if (this.#busy.size >= this.#threadsMax) return null;
    const worker = new Worker(new URL('./service-worker.js', import.meta.url));
    worker.on('message', (figures: ServiceFigures) => {
      const job = this.#busy.get(worker)!;
      this.#busy.delete(worker);
      this.#idle.push(worker);
      job.resolve(figures);
      this.#start();
    });
    worker.on('error', (reason) => {
      this.#busy.get(worker)?.reject(reason as Error);
      this.#busy.delete(worker);
      this.#failure ??= reason as Error;
      this.#start();
    });
    return worker;
  }

  /** Ends every thread; what still runs or waits is refused with `cancelled`. */
  async close(): Promise<void> {
    // The first reason stays.
    this.#failure ??= new PilotfishError('cancelled', 'the runs were stopped');
    for (const { reject } of this.#busy.values()) reject(this.#failure);
    const workers = [...this.#idle, ...this.#busy.keys()];
    this.#busy.clear();
    this.#start();
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

// Shares a few runners between keys: the keys take turns, each runs one task at a time, and pays
// with the time its tasks take. A key that has used up its time waits; the others pass it. Reads no
// clock of its own.

import { PilotfishError } from '../base/error.js';

export interface FairQueueTerms {
  /** Tasks that run at once, of different keys. */
  readonly runnersMax: number;
  /** Tasks of one key that may wait; one more is refused. */
  readonly waitingMax: number;
  /** Milliseconds of tasks that a key may take at once after a rest. */
  readonly burstMs: number;
  /** Share of a runner that a key may take for long, in (0, 1]. */
  readonly share: number;
  /** Milliseconds of a steady clock. */
  readonly now: () => number;
  /** Calls back after so many milliseconds. */
  readonly wait: (ms: number, then: () => void) => void;
}

interface Account {
  /** May fall below 0: a task is paid when it has ended. */
  leftMs: number;
  atMs: number;
  isRunning: boolean;
  readonly waiting: (() => void)[];
}

export class FairQueue {
  readonly #terms: FairQueueTerms;
  /** The key that ran longest ago is first. */
  readonly #accounts = new Map<string | null, Account>();
  #runningCount = 0;
  #isWaking = false;

  constructor(terms: FairQueueTerms) {
    this.#terms = terms;
  }

  /** Keys that have a task or a debt. */
  get keyCount(): number {
    return this.#accounts.size;
  }

  /**
   * Runs a task when it is its key's turn.
   *
   * @param key null: no key is asked for, and all callers are one.
   * @param task settles when it holds its runner no more.
   * @throws PilotfishError `server-busy` where too many tasks of the key wait; what the task throws.
   */
  run<T>(key: string | null, task: () => Promise<T>): Promise<T> {
    const { waitingMax } = this.#terms;
    const account = this.#accountOf(key);
    if (account.waiting.length >= waitingMax) {
      const message = `${waitingMax} long prompts and formats of this key are being prepared`;
      return Promise.reject(new PilotfishError('server-busy', message));
    }
    return new Promise((resolve, reject) => {
      account.waiting.push(() => {
        task()
          .finally(() => this.#ended(account))
          .then(resolve, reject);
      });
      this.#startNext();
    });
  }

  #accountOf(key: string | null): Account {
    const known = this.#accounts.get(key);
    if (known !== undefined) return known;
    const { burstMs, now } = this.#terms;
    const made: Account = { leftMs: burstMs, atMs: now(), isRunning: false, waiting: [] };
    this.#accounts.set(key, made);
    return made;
  }

  #startNext(): void {
    const { runnersMax, now } = this.#terms;
    let soonestMs = Infinity;
    for (const [key, account] of [...this.#accounts]) {
      this.#earn(account);
      const isIdle = !account.isRunning && account.waiting.length === 0;
      // It pays no debt by leaving: an account lasts until it is full again.
      if (isIdle && account.leftMs >= this.#terms.burstMs) this.#accounts.delete(key);
      if (isIdle || account.isRunning || this.#runningCount >= runnersMax) continue;
      if (account.leftMs <= 0) {
        soonestMs = Math.min(soonestMs, (1 - account.leftMs) / this.#terms.share);
        continue;
      }
      // To the end of the row.
      this.#accounts.delete(key);
      this.#accounts.set(key, account);
      this.#runningCount++;
      account.isRunning = true;
      account.atMs = now();
      account.waiting.shift()!();
    }
    if (soonestMs < Infinity) this.#wakeIn(soonestMs);
  }

  #earn(account: Account): void {
    const { burstMs, share, now } = this.#terms;
    if (account.isRunning) return;
    const nowMs = now();
    account.leftMs = Math.min(burstMs, account.leftMs + (nowMs - account.atMs) * share);
    account.atMs = nowMs;
  }

  #ended(account: Account): void {
    const nowMs = this.#terms.now();
    account.leftMs -= nowMs - account.atMs;
    account.atMs = nowMs;
    account.isRunning = false;
    this.#runningCount--;
    this.#startNext();
  }

  #wakeIn(ms: number): void {
    if (this.#isWaking) return;
    this.#isWaking = true;
    this.#terms.wait(Math.ceil(ms), () => {
      this.#isWaking = false;
      this.#startNext();
    });
  }
}

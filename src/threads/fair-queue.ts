// Shares a few runners between keys: the keys take turns, each runs one task at a time, and pays
// with the time that its tasks take. A key that has used up its time waits, and the others pass it.
// Reads no clock of its own.

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
  /** Names the tasks in a refusal. Default `long prompts and formats`. */
  readonly what?: string;
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
  /** When it last ran, in tasks of all keys; 0: never. The least is next. */
  turn: number;
  readonly waiting: (() => void)[];
}

export class FairQueue {
  readonly #terms: FairQueueTerms;
  readonly #accounts = new Map<string | null, Account>();
  #runningCount = 0;
  #isWaking = false;
  #turn = 0;

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
   * @throws PilotfishError `server-busy` where too many tasks of the key wait; or as the task does.
   */
  run<T>(key: string | null, task: () => Promise<T>): Promise<T> {
    const { waitingMax, what = 'long prompts and formats' } = this.#terms;
    const account = this.#accountOf(key);
    if (account.waiting.length >= waitingMax) {
      const message = `${waitingMax} ${what} of this key are being prepared`;
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
    const made: Account = { leftMs: burstMs, atMs: now(), isRunning: false, turn: 0, waiting: [] };
    this.#accounts.set(key, made);
    return made;
  }

  #startNext(): void {
    for (const [key, account] of [...this.#accounts]) {
      this.#earn(account);
      // It pays no debt by leaving: an account lasts until it is full again.
      const isOver = !account.isRunning && account.waiting.length === 0;
      if (isOver && account.leftMs >= this.#terms.burstMs) this.#accounts.delete(key);
    }
    while (this.#runningCount < this.#terms.runnersMax) {
      const waiting = [...this.#accounts.values()].filter(
        (account) => !account.isRunning && account.waiting.length > 0,
      );
      const [next] = waiting
        .filter(({ leftMs }) => leftMs > 0)
        .sort((one, other) => one.turn - other.turn);
      if (next === undefined) {
        this.#wakeFor(waiting);
        return;
      }
      this.#start(next);
    }
  }

  #start(account: Account): void {
    this.#runningCount++;
    account.isRunning = true;
    account.turn = ++this.#turn;
    account.atMs = this.#terms.now();
    account.waiting.shift()!();
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

  /** Looks again when the first of these keys has earned its debt. */
  #wakeFor(indebted: readonly Account[]): void {
    if (this.#isWaking || indebted.length === 0) return;
    this.#isWaking = true;
    const leastMs = Math.min(...indebted.map(({ leftMs }) => 1 - leftMs));
    this.#terms.wait(Math.ceil(leastMs / this.#terms.share), () => {
      this.#isWaking = false;
      this.#startNext();
    });
  }
}

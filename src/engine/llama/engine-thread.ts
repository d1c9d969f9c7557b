// The owner's side of a thread that computes: sends requests, settles their replies, and takes the
// passes that the thread computes ahead.

import { Worker } from 'node:worker_threads';
import { type ErrorCode, PilotfishError, toPilotfishError } from '../../base/error.js';
import type {
  DraftEnd,
  DraftedToken,
  DraftRequest,
  DraftRun,
  OnHints,
  PassResult,
  Segment,
} from '../engine.js';
import { AskFlags } from './ask-flags.js';
import type { CoreArgs, CoreMethod, CoreResult, Greeting, Reply, WorkerStart } from './messages.js';
import { RunAhead } from './run-ahead.js';
import { StopFlags } from './stop-flags.js';
import { threadTurn } from './thread-turn.js';

/** Who hears of what a request says before its end. */
interface Listeners {
  readonly onToken?: ((token: DraftedToken) => void) | undefined;
  readonly onHints?: OnHints | undefined;
  /** Before the promise resolves, since a step of the run may be the next message. */
  readonly onPassed?: ((result: PassResult, id: number) => void) | undefined;
}

interface Pending extends Listeners {
  readonly resolve: (result: unknown) => void;
  readonly reject: (reason: PilotfishError) => void;
}

type Ready = Extract<Greeting, { kind: 'ready' }>;

export class EngineThread {
  readonly ready: Promise<Ready>;
  readonly #worker: Worker;
  readonly #stopFlags = new StopFlags();
  readonly #askFlags = new AskFlags();
  #endOfText: ReadonlySet<number> = new Set();
  #run: RunAhead | null = null;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #outgoing: { readonly id: number; readonly method: string; readonly args: readonly unknown[] }[] =
    [];
  #closing: Promise<void> | null = null;

  /**
   * Starts the thread, which loads its code meanwhile; `load` or `abandon` has to follow.
   *
   * @throws PilotfishError `engine-failed` where the system starts no thread.
   */
  constructor() {
    this.#worker = startWorker();
    this.ready = new Promise((resolve, reject) => {
      this.#worker.once('message', (greeting: Greeting) => {
        if (greeting.kind === 'refused') {
          reject(new PilotfishError(greeting.code, greeting.message));
          return;
        }
        this.#endOfText = new Set(greeting.endOfText);
        this.#worker.on('message', (replies: readonly Reply[]) => {
          for (const reply of replies) this.#settle(reply);
          // Behind the promises, and the frames that they send.
          if (greeting.takesTurns) setImmediate(() => this.#askFlags.handled());
        });
        resolve(greeting);
      });
      this.#worker.once('error', (reason) => {
        reject(this.#failAll('engine-failed', `the engine thread failed: ${reason.message}`));
      });
      this.#worker.once('exit', () => {
        reject(this.#failAll('engine-closed', 'the engine is closed'));
      });
    });
  }

  /** Loads the model; `ready` tells how it went. */
  load({ files, options }: Pick<WorkerStart, 'files' | 'options'>): void {
    const flags = { stopFlags: this.#stopFlags.memory, askFlags: this.#askFlags.memory };
    const start: WorkerStart = { files, options, ...flags, threadTurn };
    this.#worker.postMessage(start);
  }

  /**
   * Ends a thread without a model, once it has loaded its code: koffi ends the whole process where
   * its thread is terminated while it loads.
   */
  async abandon(): Promise<void> {
    this.ready.catch(() => undefined);
    const exited = new Promise((resolve) => this.#worker.once('exit', resolve));
    this.#worker.postMessage(null);
    await exited;
  }

  get closed(): boolean {
    return this.#closing !== null;
  }

  call<M extends CoreMethod>(method: M, args: CoreArgs<M>): Promise<CoreResult<M>> {
    this.#run?.end();
    return this.#send(method, args) as Promise<CoreResult<M>>;
  }

  /** Hints and result come from one port, in order: no hint can follow the result. */
  async pass(
    segments: readonly Segment[],
    onHints?: OnHints,
    followCount = 0,
  ): Promise<PassResult> {
    const ahead = onHints || this.closed ? null : this.#run?.ask(segments, followCount > 0);
    if (ahead) return (await ahead) ?? this.pass(segments, onHints, followCount);
    this.#run?.end();
    const args = [segments, onHints !== undefined, followCount];
    const onPassed = followCount
      ? (result: PassResult, id: number) => {
          this.#run = this.#runAfter(id, segments, result, followCount);
        }
      : undefined;
    return this.#send('pass', args, { onHints, onPassed }) as Promise<PassResult>;
  }

  #runAfter(
    id: number,
    segments: readonly Segment[],
    result: PassResult,
    stepCount: number,
  ): RunAhead {
    const wake = (): void => this.#worker.postMessage([{ id: 0, method: 'wake', args: [] }]);
    const parts = { flags: this.#askFlags, endOfText: this.#endOfText, stepCount, wake };
    return new RunAhead(id, segments, result, parts);
  }

  draft(request: DraftRequest, onToken?: (token: DraftedToken) => void): DraftRun {
    this.#run?.end();
    const done = this.#send('draft', [request], { onToken }) as Promise<DraftEnd>;
    const id = this.#lastId;
    const stop = (): void => {
      // The flag of a draft that has ended may be a later draft's by now.
      if (this.#pending.has(id)) this.#stopFlags.stop(id);
    };
    return { done, stop };
  }

  /** @param mayFree whether the model may be freed, once that is known. */
  close(mayFree: Promise<boolean>): Promise<void> {
    this.#closing ??= this.#shutDown(mayFree);
    return this.#closing;
  }

  async #shutDown(mayFree: Promise<boolean>): Promise<void> {
    this.#stopFlags.stopAll();
    if (!(await mayFree)) {
      await this.#worker.terminate();
      return;
    }
    const exited = new Promise((resolve) => this.#worker.once('exit', resolve));
    this.#post('close', []).catch(() => undefined); // A thread that has failed is closed as well.
    await exited;
  }

  #send(method: string, args: readonly unknown[], listeners: Listeners = {}): Promise<unknown> {
    if (this.closed) {
      return Promise.reject(new PilotfishError('engine-closed', 'the engine is closed'));
    }
    return this.#post(method, args, listeners);
  }

  #post(method: string, args: readonly unknown[], listeners: Listeners = {}): Promise<unknown> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, ...listeners });
      // Together with what is asked for in the same turn: each message wakes the thread.
      if (this.#outgoing.push({ id, method, args }) === 1) queueMicrotask(() => this.#sendAll());
    });
  }

  #sendAll(): void {
    const requests = this.#outgoing;
    this.#outgoing = [];
    try {
      this.#worker.postMessage(requests);
    } catch {
      for (const request of requests) this.#sendAlone(request);
    }
  }

  /** Rejects a request whose arguments cannot be cloned. */
  #sendAlone(request: { readonly id: number }): void {
    try {
      this.#worker.postMessage([request]);
    } catch (reason) {
      this.#pending.get(request.id)?.reject(toPilotfishError(reason, 'engine-failed'));
      this.#pending.delete(request.id);
    }
  }

  #settle(reply: Reply): void {
    if (reply.kind === 'ahead') {
      if (this.#run?.id === reply.id) this.#run.arrived(reply.step, reply.result);
      return;
    }
    const pending = this.#pending.get(reply.id);
    if (!pending) return;
    if (reply.kind === 'token') {
      pending.onToken?.(reply.token);
      return;
    }
    if (reply.kind === 'hints') {
      pending.onHints?.(reply.hints);
      return;
    }
    this.#pending.delete(reply.id);
    if (reply.kind === 'done') {
      pending.onPassed?.(reply.result as PassResult, reply.id);
      pending.resolve(reply.result);
    } else pending.reject(new PilotfishError(reply.code, reply.message));
  }

  #failAll(code: ErrorCode, message: string): PilotfishError {
    const error = new PilotfishError(code, message);
    this.#closing ??= Promise.resolve();
    for (const { reject } of this.#pending.values()) reject(error);
    this.#run?.fail(error);
    this.#pending.clear();
    return error;
  }
}

function startWorker(): Worker {
  try {
    return new Worker(new URL('./worker.js', import.meta.url));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const message = `the system starts no thread for the model: ${why}`;
    throw new PilotfishError('engine-failed', message, { cause });
  }
}

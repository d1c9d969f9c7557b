// Runs the core's operations on an engine, which keeps their order, and answers each with an event.
// Never throws for an error of the engine; that becomes an event too.

import { toPilotfishError } from '../base/error.js';
import type { DraftRequest, Engine, PassResult } from '../engine/engine.js';
import type { EngineOperation, ServerInput } from './core/event.js';

const verbs: { readonly [kind in EngineOperation['kind'] | 'draft']: string } = {
  draft: 'draft, which costs speed only',
  open: 'open a slot',
  pass: 'compute a pass',
  truncate: 'roll a slot back',
  'copy-prefix': 'copy a cache',
  save: 'save a cache',
  restore: 'restore a cache',
};

/**
 * @param answer called once for each operation, after the call that gave it, and before that with a
 *   pass's hints.
 * @param note told of failures: of the first of a kind, the second, the fourth and so on.
 */
export class EngineRunner {
  readonly #engine: Engine;
  readonly #answer: (event: ServerInput) => void;
  readonly #note: (text: string) => void;
  readonly #failureCounts = new Map<keyof typeof verbs, number>();

  constructor(
    engine: Engine,
    answer: (event: ServerInput) => void,
    note: (text: string) => void = () => undefined,
  ) {
    this.#engine = engine;
    this.#answer = answer;
    this.#note = note;
  }

  run(operation: EngineOperation): void {
    const { id } = operation;
    this.#call(operation).then(this.#answer, (reason: unknown) => {
      const { code, message } = toPilotfishError(reason, 'engine-failed');
      this.#noteFailure(operation.kind, message);
      this.#answer({ kind: 'failed', id, code, message });
    });
  }

  /** Runs drafts on the draft engine. @param engine beside the target's. */
  draft(engine: Pick<Engine, 'draftEach'>, id: number, requests: readonly DraftRequest[]): void {
    engine.draftEach(requests).then(
      (result) => this.#answer({ kind: 'drafted', id, result }),
      (reason: unknown) => {
        const { message } = toPilotfishError(reason, 'engine-failed');
        this.#noteFailure('draft', message);
        this.#answer({ kind: 'draft-failed', id, message });
      },
    );
  }

  #noteFailure(kind: keyof typeof verbs, message: string): void {
    const count = (this.#failureCounts.get(kind) ?? 0) + 1;
    this.#failureCounts.set(kind, count);
    const isPowerOfTwo = (count & (count - 1)) === 0;
    const times = count === 1 ? '' : `, ${count} times by now`;
    if (isPowerOfTwo) this.#note(`the engine failed to ${verbs[kind]}${times}: ${message}`);
  }

  #pass({ id, ...operation }: EngineOperation & { kind: 'pass' }): Promise<PassResult> {
    const { segments, wantsHints, followCount } = operation;
    if (!wantsHints) return this.#engine.pass(segments, undefined, followCount);
    return this.#engine.pass(segments, (hints) => this.#answer({ kind: 'hinted', id, hints }));
  }

  async #call(operation: EngineOperation): Promise<ServerInput> {
    const engine = this.#engine;
    const { id } = operation;
    const done = (bytes: Uint8Array | null = null): ServerInput => ({ kind: 'done', id, bytes });
    switch (operation.kind) {
      case 'pass':
        return { kind: 'passed', id, result: await this.#pass(operation) };
      case 'save':
        return done(await engine.save(operation.slot));
      case 'open':
        await engine.open(operation.slot, operation.config, operation.keptLength);
        return done();
      case 'truncate':
        await engine.truncate(operation.slot, operation.length);
        return done();
      case 'copy-prefix':
        await engine.copyPrefix(operation.from, operation.to, operation.length);
        return done();
      case 'restore':
        await engine.restore(operation.slot, operation.state, operation.config, operation.length);
        return done();
    }
  }
}

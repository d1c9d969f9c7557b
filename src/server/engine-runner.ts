// Runs the core's operations on an engine, which keeps their order, and answers each with an event.
// Never throws for an error of the engine; that becomes an event too.

import { toPilotfishError } from '../base/error.js';
import type { Engine, PassResult } from '../engine/engine.js';
import type { EngineOperation, ServerInput } from './core/event.js';

/**
 * @param answer called once for each operation, after the call that gave it, and before that with a
 *   pass's hints.
 */
export class EngineRunner {
  readonly #engine: Engine;
  readonly #answer: (event: ServerInput) => void;

  constructor(engine: Engine, answer: (event: ServerInput) => void) {
    this.#engine = engine;
    this.#answer = answer;
  }

  run(operation: EngineOperation): void {
    const { id } = operation;
    this.#call(operation).then(this.#answer, (reason: unknown) => {
      const { code, message } = toPilotfishError(reason, 'engine-failed');
      this.#answer({ kind: 'failed', id, code, message });
    });
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

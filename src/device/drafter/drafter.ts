// Defines the interface of drafters: a model on an engine, a look-up in the text so far, or the
// caller's own. One run per answer at a time, any number of answers. The shell calls it to carry
// out the core's effects.

import type { PilotfishError } from '../../base/error.js';
import type { DraftEndReason, SlotConfig } from '../../engine/engine.js';
import type { DraftStart, SequenceToken } from '../core/event.js';
import type { AnswerId } from '../core/token.js';

/** What a drafter tells. */
export interface DrafterListener {
  /**
   * The next tokens of a run. Under `split` and `full` each needs its `law` and `prob` (see
   * DraftedToken), of a fixed guess a point law and 1: without them the device stops with an
   * InvariantError. Other schemes take null.
   *
   * @param tokens [n >= 1] of one pass.
   */
  drafted(answer: AnswerId, run: number, tokens: readonly SequenceToken[]): void;
  /** Once for each run that was not stopped. @param reasons [sequences]. */
  ended(answer: AnswerId, run: number, reasons: readonly DraftEndReason[]): void;
  /** The answer's drafts are over; the drafter itself may still serve others. */
  failed(answer: AnswerId, error: PilotfishError): void;
}

/** Never calls its listener before a method has returned. */
export interface Drafter {
  /** Most tokens of a sequence. */
  readonly contextLength: number;
  /** An answer begins; its sequence is empty. */
  open(answer: AnswerId, config: SlotConfig): void;
  /** See DraftStart. The answer is open; its earlier run, if any, has ended or was stopped. */
  start(request: DraftStart): void;
  /** No token of this run is told any more. */
  stop(answer: AnswerId, run: number): void;
  /** Frees what the answer holds. */
  closeAnswer(answer: AnswerId): void;
  /** Resolves when nothing runs any more; the engine stays its owner's. */
  close(): Promise<void>;
}

/**
 * Makes a drafter that tells `listener`: for a DrafterChoice of kind `custom`.
 *
 * @example
 * ```ts
 * import { connect, type DrafterFactory } from 'pilotfish/device';
 * import { createScriptedEngine } from 'pilotfish/engine';
 * import { plainSampling } from 'pilotfish/math';
 * import { startServer } from 'pilotfish/server';
 *
 * // Guesses that every token is followed by itself.
 * const make: DrafterFactory = (listener) => {
 *   const runs = new Map<number, number>();
 *   return {
 *     contextLength: 256,
 *     open: () => undefined,
 *     start({ answer, run, sequences }) {
 *       const { from, tokens } = sequences[0]!;
 *       // Under split and full: { confidence: null, law: pointLaw(token), prob: 1 }.
 *       const facts = { confidence: null, law: null, prob: null };
 *       const token = { position: from + tokens.length, token: tokens.at(-1) ?? 0, ...facts };
 *       runs.set(answer, run);
 *       setImmediate(() => {
 *         if (runs.get(answer) !== run) return;
 *         listener.drafted(answer, run, [{ sequenceIndex: 0, token }]);
 *         listener.ended(answer, run, ['count']);
 *       });
 *     },
 *     stop: (answer) => runs.delete(answer),
 *     closeAnswer: (answer) => runs.delete(answer),
 *     close: async () => undefined,
 *   };
 * };
 *
 * const engine = createScriptedEngine();
 * const server = await startServer({ engine, port: 0 });
 * const client = await connect({
 *   url: server.address,
 *   drafter: { kind: 'custom', make, contextLength: 256 },
 *   vocabulary: engine.info.vocabulary,
 * });
 * const sampling = { ...plainSampling, logitBias: new Map([[1, -Infinity]]) };
 * const ids = Int32Array.of(3, 4, 5);
 * const answer = client.generate({ ids, sampling, tokensMax: 20, mode: 'pipeline' });
 * const { statistics } = await answer.result;
 * statistics.tokenCount; // = 20
 * statistics.draftedCount > 0; // = true
 * await client.close();
 * await server.close();
 * await engine.close();
 * ```
 */
export type DrafterFactory = (listener: DrafterListener) => Drafter;

// What drafts: a model on an engine, a look-up in the text so far, or nothing. One at a time per answer, any number of
// answers. The core asks by effects; whoever carries them out calls this.

import type { PilotfishError } from '../../base/error.js';
import type { DraftEndReason, SlotConfig } from '../../engine/engine.js';
import type { AnswerId, DraftStart, SequenceToken } from '../core/event.js';

export interface DrafterListener {
  /** @param tokens [n >= 1] of one pass. */
  drafted(answer: AnswerId, run: number, tokens: readonly SequenceToken[]): void;
  /** Once for each run that was not stopped. @param reasons [strands]. */
  ended(answer: AnswerId, run: number, reasons: readonly DraftEndReason[]): void;
  /** The answer's drafts are over; the drafter itself may still serve others. */
  failed(answer: AnswerId, error: PilotfishError): void;
}

/** Never calls its listener before a method has returned. */
export interface Drafter {
  /** Most tokens of a sequence. */
  readonly contextLength: number;
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

/** Makes a drafter that tells `listener`. */
export type DrafterFactory = (listener: DrafterListener) => Drafter;

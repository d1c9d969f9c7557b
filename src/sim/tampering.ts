// Defines where a simulation may be broken on purpose: what a server sends, what a device reports,
// what an engine does. Only canaries use it.

import type { AnswerEffect } from '../device/core/event.js';
import type { ServerFrame } from '../protocol/frame.js';
import type { EngineOperation } from '../server/core/event.js';

export interface Tampering {
  /** Replaces a frame; null: it is lost. */
  readonly frame: (frame: ServerFrame) => ServerFrame | null;
  /** Replaces a report to the user; null: it is lost. */
  readonly tell: (effect: AnswerEffect) => AnswerEffect | null;
  /** Whether an engine only claims to have done an operation. */
  readonly skips: (operation: EngineOperation) => boolean;
}

export const untampered: Tampering = {
  frame: (frame) => frame,
  tell: (effect) => effect,
  skips: () => false,
};

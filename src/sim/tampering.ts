// Where a simulation may be made to go wrong on purpose: what a server says, what a device tells, what an engine does.
// Only canaries use it; a run without one leaves everything as it is.

import type { AnswerEffect } from '../device/core/event.js';
import type { ServerFrame } from '../protocol/frame.js';
import type { EngineOperation } from '../server/core/event.js';

export interface Tampering {
  /** What goes out in place of a frame; null: nothing. */
  readonly frame: (frame: ServerFrame) => ServerFrame | null;
  /** What the user hears in place of a device's news; null: nothing. */
  readonly tell: (effect: AnswerEffect) => AnswerEffect | null;
  /** Whether an engine only claims to have done an operation. */
  readonly skips: (operation: EngineOperation) => boolean;
}

export const untampered: Tampering = {
  frame: (frame) => frame,
  tell: (effect) => effect,
  skips: () => false,
};

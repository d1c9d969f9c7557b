// Holds what the shell has made of an Open before the core hears of it: long prompts and new
// schemas take too long for the thread of the core.

import type { PilotfishError } from '../../base/error.js';
import type { SlotConfig } from '../../engine/engine.js';

/** The parts of an Open that were prepared. An error refuses the session. */
export interface PreparedOpen {
  /**
   * Ids of its prompt, those of images included; null: the core takes or makes them itself, since
   * they are few.
   */
  readonly prompt: Int32Array | PilotfishError | null;
  /**
   * The images among them, which the engine has to keep until an effect `release` tells that their
   * session is over or was refused. Absent: there are none.
   */
  readonly hold?: number;
  /** Its schema; null: there is none. */
  readonly format: NonNullable<SlotConfig['compiled']> | PilotfishError | null;
}

// Defines answer ids and the tokens that a user is told.

import type { TokenLogprobs } from '../../math/logprobs.js';

/** Names one answer from `generate` to its end; chosen by the shell, never used twice. */
export type AnswerId = number;

/** How a token came to be. Only `provisional` ones may be taken back. */
export type TokenOrigin = 'drafted' | 'residual' | 'bonus' | 'target' | 'provisional';

/**
 * Who proposed a verified token: the device's drafts, the server's draft model, its look-up in the
 * text, or the target itself.
 */
export type TokenSource = 'device' | 'model' | 'suffix' | 'target';

/** A token of the answer and where it came from. */
export interface AnswerToken {
  /** Absolute: the prompt counts. */
  readonly position: number;
  readonly token: number;
  readonly origin: TokenOrigin;
  /** Where asked for and verified. */
  readonly logprobs?: TokenLogprobs;
}

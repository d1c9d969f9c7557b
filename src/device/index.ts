/**
 * Write text with a draft on this device and the target on a server, and bring a drafter, a
 * transport or a clock of your own.
 *
 * @module pilotfish/device
 */

export type { SuffixGuessLimits } from '../engine/suffix/suffix-look-up.js';
export type { OutputFormat } from '../grammar/output-format.js';
export type { PromptPicture } from '../pictures/prompt-picture.js';
export type { Answer, AnswerResult, Piece } from './answer.js';
export {
  type Client,
  type ConnectOptions,
  connect,
  type DrafterChoice,
  type LinkNotice,
} from './client.js';
export type { AheadBudget } from './core/drafting/ahead/ahead-budget.js';
export type { StopRule } from './core/drafting/stop-rule.js';
export type { DraftSequence, DraftStart, Fallback, SequenceToken } from './core/event.js';
export type { DrafterFacts, Timing } from './core/settings.js';
export type { Statistics } from './core/statistics.js';
export type { AnswerId, TokenOrigin, TokenSource } from './core/token.js';
export type { Clock } from './device.js';
export type { Drafter, DrafterFactory, DrafterListener } from './drafter/drafter.js';
export type { GenerateOptions } from './generate-request.js';
export type { DeviceTls } from './websocket-dialer.js';

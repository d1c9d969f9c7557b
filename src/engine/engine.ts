// The engine interface: what can compute logits of many sequences in one pass and judge drafts beside them.
// Knows nothing of sessions, sockets or devices. Implementations: scripted (toy) and llama (llama.cpp).

import type { SlotId } from '../base/brand.js';
import type { Law } from '../math/law.js';
import type { LawLogprobs, TokenLogprobs } from '../math/logprobs.js';
import type { SamplingRequest } from '../math/sampling-request.js';
import type { Scheme } from '../math/scheme.js';
import type { FinalToken } from '../math/verification.js';
import type { Vocabulary } from './vocabulary.js';

export type { Scheme };

/**
 * What a slot needs to know to turn logits into laws and laws into tokens. A schema holds for the tokens from
 * `promptLength` on, up to one that ends the text: rows that predict one of them give no other token a chance.
 */
export interface SlotConfig extends Omit<SamplingRequest, 'topLogprobs'> {
  /** Tokens at positions below this are prompt: presence and frequency penalties do not count them. */
  readonly promptLength: number;
}

/** How the last rows of a segment are judged. `null` in a segment means: fill the cache, answer nothing. */
export type Judge =
  | { readonly scheme: 'greedy' | 'coupled' | 'agreement'; readonly draftCount: number }
  | {
      readonly scheme: 'split';
      readonly draftCount: number;
      /** [draftCount], draft law's probability of each draft token, in (0, 1]. */
      readonly draftProbs: Float64Array;
    }
  | {
      readonly scheme: 'full';
      readonly draftCount: number;
      /** [draftCount], the law each draft token was drawn from. */
      readonly draftLaws: readonly Law[];
    };

/** One sequence's share of a pass. */
export interface Segment {
  readonly slot: SlotId;
  /** Position of tokens[0]. Must equal the slot's length: a segment continues its sequence. */
  readonly from: number;
  /** [n >= 1]. The last `draftCount` of them are drafts; at least one token comes before the drafts. */
  readonly tokens: Int32Array;
  readonly judge: Judge | null;
  /** Judged segments: tell log-probabilities, with so many of the likeliest tokens, in [0, 20]. Absent: none. */
  readonly topLogprobs?: number | null;
}

/** Of the rows that a verdict rests on; see TokenLogprobs for what they are of. */
export interface VerdictLogprobs {
  /** [accepted drafts, then the final token where the engine has drawn it]. */
  readonly tokens: readonly TokenLogprobs[];
  /** Where the final one is a law, else null. */
  readonly law: LawLogprobs | null;
}

/** What a pass did to one segment. */
export interface Outcome {
  readonly slot: SlotId;
  /** Accepted drafts, in [0, draftCount]; 0 for a segment without judge. */
  readonly acceptedCount: number;
  /**
   * Null for a segment without judge. A bonus token behind fewer than all drafts: the rest was not tested, because the
   * masks of formats had cost what a pass may spend on them (mask-budget.ts). The
   * final token is not yet in the cache: it opens the next segment.
   */
  readonly final: FinalToken | null;
  /** Null where the segment asked for none. */
  readonly logprobs: VerdictLogprobs | null;
  /** Slot length after the pass: rejected drafts are already rolled back. */
  readonly length: number;
}

/**
 * What an early exit of the model guesses about one segment's outcome, while the pass still runs. Never part of any
 * text: an outcome is made from the last layer's rows alone.
 */
export interface ExitHint {
  readonly slot: SlotId;
  /** Drafts that would stand, in [0, draftCount]. */
  readonly acceptedCount: number;
  /** Of the token behind them: where the candidates stand. */
  readonly position: number;
  /** [1 to 8] tokens at `position`, the surest first; a draft that would fall there is not among them. */
  readonly candidates: Int32Array;
  /**
   * [candidates], each the probability that the outcome is `acceptedCount` and this token: the sum is at most 1.
   * Calibrated for a trained exit under `greedy` and `coupled` (MATH.md, Early exits); otherwise what the exit's law says.
   */
  readonly confidences: Float64Array;
}

/** Called with the hints of one or more segments, each segment once a pass; must not throw. */
export type OnHints = (hints: readonly ExitHint[]) => void;

/** An early exit: where it leaves the model, and how sure its guesses are. */
export interface ExitInfo {
  /** Blocks computed below the exit, in [1, layerCount). */
  readonly layer: number;
  readonly layerCount: number;
  /** Whether a head was trained for it; else it is the logit lens: the model's own last norm and output. */
  readonly trained: boolean;
  /** See exit-guess.ts; > 0. */
  readonly sharpness: number;
  /** See exit-guess.ts; in [0, 1]. */
  readonly coverage: number;
}

/** What a pass gives. */
export interface PassResult {
  /** [segments], in the order given. */
  readonly outcomes: readonly Outcome[];
  /** Wall time of the model's decode and of judging the rows, in milliseconds. */
  readonly decodeMs: number;
  readonly judgeMs: number;
}

/** When a draft ends before `countMax`. */
export interface DraftStop {
  /** Stop after the first token whose confidence is below this (SLED's threshold), in [0, 1]; 0 never. */
  readonly confidenceMin: number;
}

/** A draft of one sequence, asked of an engine. */
export interface DraftRequest {
  readonly slot: SlotId;
  /** Position of tokens[0]; must equal the slot's length. */
  readonly from: number;
  /** [n >= 1] committed tokens not yet in the cache; drafting continues after the last. */
  readonly tokens: Int32Array;
  /** Draft at most this many tokens, >= 1. */
  readonly countMax: number;
  readonly stop: DraftStop;
  /** greedy drafts the argmax, coupled the winner of the shared race, agreement the argmax, split and full a draw. */
  readonly scheme: Scheme;
  /**
   * Of the draft's noise under `split` and `full`, in [0, 2^24): how often drafts of these positions were discarded
   * before (the epoch). Drawing a position again with the numbers of a discarded draft would break the law as soon as
   * anything decided since, such as a draft length, looked at that draft (MATH.md, Noise).
   */
  readonly attempt: number;
  /** Compute each token's confidence; costs a softmax sum per token. A `confidenceMin` above 0 implies it. */
  readonly wantConfidence: boolean;
  /** `greedy` and `coupled`: tell so many runners-up of each token at most, in [0, 8]. Absent: none. */
  readonly alternativesMax?: number;
}

/** A draft of one token, beside others in one pass. */
export type DraftStep = Omit<DraftRequest, 'countMax'>;

/** Tokens that came next to a drafted one. */
export interface Alternatives {
  /** [n] the nearest first; the drafted token is none of them. */
  readonly tokens: Int32Array;
  /** [n] by how much each falls short of the drafted token, in units of logits, >= 0, rising (MATH.md, Branches). */
  readonly gaps: Float64Array;
}

/** A token that an engine has drafted. */
export interface DraftedToken {
  readonly position: number;
  readonly token: number;
  /** Softmax probability of the token before any filter, at temperature 1; null when not asked for. */
  readonly confidence: number | null;
  /** `split` and `full` only, else null: the law the token was drawn from, and the token's probability in (0, 1]. */
  readonly law: Law | null;
  readonly prob: number | null;
  /** Where they were asked for and the scheme has them. */
  readonly alternatives?: Alternatives;
}

/**
 * Why a draft ended: `countMax` was reached, a token was less sure than `confidenceMin`, `stop` was
 * called, the text ended, or the context was full.
 */
export type DraftEndReason = 'count' | 'confidence' | 'stopped' | 'end-of-text' | 'context';

/** A draft that has ended. */
export interface DraftEnd {
  readonly reason: DraftEndReason;
  readonly drafted: readonly DraftedToken[];
  /** Slot length afterwards: all fed tokens; the last drafted token is never fed. */
  readonly length: number;
}

/** A draft in progress. */
export interface DraftRun {
  /** Ends the loop after the token in progress; harmless when it has ended. */
  stop(): void;
  readonly done: Promise<DraftEnd>;
}

/** What an engine is and how much it takes. */
export interface EngineInfo {
  /** Name of the model as its file gives it. */
  readonly modelName: string;
  readonly vocabulary: Vocabulary;
  /** Jinja chat template of the model file, or null. */
  readonly chatTemplate: string | null;
  readonly slotCount: number;
  /** Most tokens one slot can hold. */
  readonly contextLength: number;
  /** Most tokens of one pass, all segments together. */
  readonly passTokensMax: number;
  /** Most judged rows (draftCount + 1 each) of one pass. */
  readonly passRowsMax: number;
  /** Where hints come from; null for an engine that gives none. */
  readonly exit: ExitInfo | null;
}

/** What a draft needs of an engine: a look-up in the text is one as well. */
export type DraftEngine = Pick<Engine, 'open' | 'draft' | 'truncate'> & {
  readonly info: Pick<EngineInfo, 'vocabulary' | 'contextLength'>;
};

/**
 * An engine runs one thing at a time, in the order of the calls. Every method rejects with PilotfishError:
 * `segment-invalid`, `token-out-of-range`, `context-exhausted` for bad arguments (nothing has changed then),
 * `engine-failed` when the model failed (the slots then hold what they held before the call), `engine-closed` after
 * close.
 */
export interface Engine {
  readonly info: EngineInfo;

  /** Empties a slot and sets how its rows become tokens; `format-invalid` for a schema that cannot be followed. */
  open(slot: SlotId, config: SlotConfig): Promise<void>;

  /**
   * Computes all segments in one batch, judges their rows, rolls rejected drafts back. One segment per slot.
   *
   * @param onHints called in mid-pass with an early exit's guesses for the judged segments, never once the promise has
   *   settled. A segment for which the exit gives no numbers gets none. They change nothing in the result,
   *   but for how many drafts are tested where masks of formats are dear.
   */
  pass(segments: readonly Segment[], onHints?: OnHints): Promise<PassResult>;

  /**
   * Drafts token by token until count, threshold, end of text or `stop`.
   *
   * @param onToken called for each token while the loop still runs; must not throw.
   */
  draft(request: DraftRequest, onToken?: (token: DraftedToken) => void): DraftRun;

  /**
   * Drafts one token on each of several slots, all in one pass: what `draft` gives for each with a `countMax` of 1.
   *
   * @param steps [1 to passRowsMax] each of another slot. Where all their tokens together exceed a pass, what comes
   *   before the last token of each is fed in passes of its own.
   * @returns [steps], in the order given.
   */
  draftEach(steps: readonly DraftStep[]): Promise<readonly DraftEnd[]>;

  /** Rolls a slot back to `length` tokens; longer than the slot is an error, equal does nothing. */
  truncate(slot: SlotId, length: number): Promise<void>;

  /** Makes `to` hold the first `length` tokens of `from` without computing them; config of `to` stays. */
  copyPrefix(from: SlotId, to: SlotId, length: number): Promise<void>;

  /** Serialised cache and token log of a slot. */
  save(slot: SlotId): Promise<Uint8Array>;

  /**
   * Fills a slot from `save` of an engine with the same model and cache type; `segment-invalid` otherwise. Damaged bytes
   * change nothing; a sound state of another model or cache type leaves the slot open with `config`, and empty.
   */
  restore(slot: SlotId, state: Uint8Array, config: SlotConfig): Promise<void>;

  /** Refuses further calls from now on, finishes those made before, cuts drafts short, and frees what the engine holds. */
  close(): Promise<void>;
}

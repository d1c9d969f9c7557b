// Defines the engine interface: compute logits of many sequences in one pass, and judge drafts in
// the same pass. Knows nothing of sessions, sockets or devices. Implementations: scripted (toy) and
// llama (llama.cpp).

import type { SlotId } from '../base/brand.js';
import type { CompiledSchema } from '../grammar/compiled-schema.js';
import type { Law } from '../math/law.js';
import type { LawLogprobs, TokenLogprobs } from '../math/logprobs.js';
import type { PassShape } from '../math/pass-time.js';
import type { SamplingRequest } from '../math/sampling-request.js';
import type { Scheme } from '../math/scheme.js';
import type { FinalToken } from '../math/verification.js';
import type { ImageRows } from './image-tokens.js';
import type { Vocabulary } from './vocabulary.js';

export type { Scheme };

/**
 * Settings by which a slot turns logits into laws and laws into tokens. A schema applies to the
 * tokens from `promptLength` on, up to one that ends the text: rows that predict them exclude all
 * other tokens.
 */
export interface SlotConfig extends Omit<SamplingRequest, 'topLogprobs'> {
  /**
   * Tokens at positions below this are prompt: presence and frequency penalties do not count them.
   */
  readonly promptLength: number;
  /**
   * Tokens of the text's prompt that this slot lacks: images, which draft models do not see.
   * `promptLength` does not count them; positions of drafted tokens and their noise do, as the
   * target's. Absent: 0.
   */
  readonly absentCount?: number;
  /** The tables of `schema` for the engine's vocabulary; absent: the engine compiles it. */
  readonly compiled?: CompiledSchema | null;
  /** Slots of different scopes share nothing that is kept of a schema. Absent: 0. */
  readonly formatScope?: number;
}

/** How the last rows of a segment are judged. `null` in a segment: only fill the cache. */
export type Judge =
  | { readonly scheme: 'greedy' | 'coupled' | 'agreement'; readonly draftCount: number }
  | {
      readonly scheme: 'split';
      readonly draftCount: number;
      /** [draftCount], probability of each draft token under the draft law, in (0, 1]. */
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
  /**
   * [n >= 1]. The last `draftCount` of them are drafts; at least one token comes before the drafts.
   */
  readonly tokens: Int32Array;
  readonly judge: Judge | null;
  /**
   * Judged segments: report log-probabilities, with this many of the likeliest tokens, in [0, 20].
   * Absent: none.
   */
  readonly topLogprobs?: number | null;
}

/** Log-probabilities of the rows behind a verdict; defined at TokenLogprobs. */
export interface VerdictLogprobs {
  /** [accepted drafts, then the final token if the engine has drawn it]. */
  readonly tokens: readonly TokenLogprobs[];
  /** Of the final law, if there is one; else null. */
  readonly law: LawLogprobs | null;
}

/** The result of a pass for one segment. */
export interface Outcome {
  readonly slot: SlotId;
  /** Accepted drafts, in [0, draftCount]; 0 for a segment without judge. */
  readonly acceptedCount: number;
  /**
   * Null for a segment without judge. A bonus token after fewer than all drafts: the rest was not
   * tested, because grammar masks had used up their budget for the pass (mask-budget.ts). The final
   * token is not yet in the cache: it opens the next segment.
   */
  readonly final: FinalToken | null;
  /** Null if the segment asked for none. */
  readonly logprobs: VerdictLogprobs | null;
  /** Slot length after the pass: rejected drafts are already rolled back. */
  readonly length: number;
  /** Milliseconds of its tokens and rows under a format; absent: there is none. */
  readonly formatMs?: number;
}

/**
 * An early exit's guess of one segment's outcome, made while the pass still runs. Never part of any
 * text: outcomes come from the last layer's rows alone.
 */
export interface ExitHint {
  readonly slot: SlotId;
  /** Drafts expected to be accepted, in [0, draftCount]. */
  readonly acceptedCount: number;
  /** Position of the token after them, and of the candidates. */
  readonly position: number;
  /**
   * [1 to 8] tokens at `position`, most confident first. A draft rejected there is not among them.
   */
  readonly candidates: Int32Array;
  /**
   * [candidates], each the probability that the outcome is `acceptedCount` and this token: the sum
   * is at most 1. Calibrated for a trained exit under `greedy` and `coupled` (MATH.md, Early
   * exits); otherwise taken from the exit's law.
   */
  readonly confidences: Float64Array;
}

/** Called with hints of one or more segments, once per segment and pass; must not throw. */
export type OnHints = (hints: readonly ExitHint[]) => void;

/** An early exit: its layer and the calibration of its guesses. */
export interface ExitInfo {
  /** Blocks computed below the exit, in [1, layerCount). */
  readonly layer: number;
  readonly layerCount: number;
  /**
   * Whether it has a trained head; else it is the logit lens: the model's own last norm and output.
   */
  readonly trained: boolean;
  /** Factor of the exit's scores, > 0; see exit-hint.ts. */
  readonly sharpness: number;
  /** Probability that the winner is among the exit's first tokens, in [0, 1]. */
  readonly coverage: number;
}

/** The result of a pass. */
export interface PassResult {
  /** [segments], in the order given. */
  readonly outcomes: readonly Outcome[];
  /** Wall time of the model's decode and of judging the rows, in milliseconds. */
  readonly decodeMs: number;
  readonly judgeMs: number;
}

/** Conditions that end a draft before `countMax`. */
export interface DraftStop {
  /**
   * Stop after the first token with a confidence below this (SLED's threshold), in [0, 1]; 0:
   * never.
   */
  readonly confidenceMin: number;
  /**
   * Stop after the token with which the product of this draft's chances falls below this, in
   * [0, 1]; 0 or absent: never. The product estimates how likely the target accepts all of them.
   */
  readonly chanceMin?: number;
  /**
   * [n >= 1] chance of a token by its confidence, for n equal parts of [0, 1]; absent: the
   * confidence itself.
   */
  readonly chances?: readonly number[];
}

/** A request to draft on one sequence. */
export interface DraftRequest {
  readonly slot: SlotId;
  /** Position of tokens[0], at most the slot's length: the slot is rolled back to it first. */
  readonly from: number;
  /** Opens the slot with this first, keeping `from` tokens. Absent: the slot is open. */
  readonly config?: SlotConfig;
  /** [n >= 1] committed tokens not yet in the cache; drafting continues after the last. */
  readonly tokens: Int32Array;
  /** Draft at most this many tokens, >= 1. */
  readonly countMax: number;
  readonly stop: DraftStop;
  /**
   * greedy drafts the argmax, coupled the winner of the shared race, agreement the argmax, split
   * and full a draw.
   */
  readonly scheme: Scheme;
  /**
   * Number of the draft's noise under `split` and `full`, in [0, 2^24): how often drafts of these
   * positions were discarded before (the epoch). A discarded draft's random numbers must not be
   * reused: if any later decision, such as a draft length, depended on that draft, the law would
   * change (MATH.md, Noise).
   */
  readonly attempt: number;
  /**
   * Compute each token's confidence; costs a softmax sum per token. A `confidenceMin` or
   * `chanceMin` above 0 implies it.
   */
  readonly wantConfidence: boolean;
  /** `greedy` and `coupled`: most runners-up to report for each token, in [0, 8]. Absent: none. */
  readonly alternativesMax?: number;
}

/** Runners-up of a drafted token. */
export interface Alternatives {
  /** [n] nearest first, without the drafted token. */
  readonly tokens: Int32Array;
  /**
   * [n] distance of each from the drafted token, in units of logits, >= 0, rising (MATH.md,
   * Branches).
   */
  readonly gaps: Float64Array;
}

/** A token that an engine has drafted. */
export interface DraftedToken {
  readonly position: number;
  readonly token: number;
  /**
   * Softmax probability of the token before any filter, at temperature 1; null if not requested.
   */
  readonly confidence: number | null;
  /**
   * `split` and `full` need both, else null: the law the token was drawn from, and the token's
   * probability in (0, 1].
   */
  readonly law: Law | null;
  readonly prob: number | null;
  /** If requested and the scheme has them. */
  readonly alternatives?: Alternatives;
}

/**
 * Why a draft ended: `countMax` was reached, a confidence was below `confidenceMin` or their
 * product below `chanceMin`, `stop` was called, the text ended, or the context was full.
 */
export type DraftEndReason = 'count' | 'confidence' | 'stopped' | 'end-of-text' | 'context';

/** A draft that has ended. */
export interface DraftEnd {
  readonly reason: DraftEndReason;
  readonly drafted: readonly DraftedToken[];
  /** Slot length afterwards: all fed tokens; the last drafted token is never fed. */
  readonly length: number;
}

/** A pass that drafts shared. */
export interface DraftPass extends PassShape {
  /** Wall time of the model's decode and of choosing the tokens, in milliseconds. */
  readonly ms: number;
}

/** Drafts that have ended. */
export interface DraftEachResult {
  /** [requests], in the order given. */
  readonly ends: readonly DraftEnd[];
  /** In the order computed; a slot's rows are in as many of them as it drafted tokens. */
  readonly passes: readonly DraftPass[];
}

/** A draft in progress. */
export interface DraftRun {
  /** Ends the loop after the token in progress; harmless when it has ended. */
  stop(): void;
  readonly done: Promise<DraftEnd>;
}

/** Properties and capacity of an engine. */
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
  /** Numbers of an embedding that `see` takes; null: the engine takes no images. */
  readonly imageWidth: number | null;
  /** The source of hints; null for an engine without an early exit. */
  readonly exit: ExitInfo | null;
}

/** The part of an engine that drafting needs. A prompt look-up implements it too. */
export type DraftEngine = Pick<Engine, 'open' | 'draft' | 'truncate'> & {
  readonly info: Pick<EngineInfo, 'vocabulary' | 'contextLength'>;
};

/**
 * An engine runs one thing at a time, in the order of the calls. Every method rejects with
 * PilotfishError: `segment-invalid`, `token-out-of-range`, `context-exhausted` for bad arguments
 * (nothing has changed), `engine-failed` if the model failed (the slots are as before the call;
 * those of a draft are as its `from` and `config` have set them), `engine-closed` after close.
 */
export interface Engine {
  readonly info: EngineInfo;

  /**
   * Sets the config of a slot, and rolls it back to its first `keptLength` tokens: 0 by default,
   * and at most what it holds. `format-invalid` for an unsupported schema.
   */
  open(slot: SlotId, config: SlotConfig, keptLength?: number): Promise<void>;

  /**
   * Computes all segments in one batch, judges their rows, rolls rejected drafts back. One segment
   * per slot.
   *
   * @param onHints called during the pass with an early exit's guesses for the judged segments,
   *   never after the promise has settled. A segment without numbers from the exit gets none. Hints
   *   do not change the result, except that fewer drafts may be tested when grammar masks are
   *   expensive.
   * @param followCount how many passes after this one will each ask for one more token of all
   *   segments, if nothing comes between: an engine may compute them meanwhile. 0 by default. No
   *   result depends on it.
   */
  pass(segments: readonly Segment[], onHints?: OnHints, followCount?: number): Promise<PassResult>;

  /**
   * Drafts token by token until count, threshold, end of text or `stop`.
   *
   * @param onToken called for each token while the loop still runs; must not throw.
   */
  draft(request: DraftRequest, onToken?: (token: DraftedToken) => void): DraftRun;

  /**
   * Drafts on several slots in shared passes: each draft that goes on has one row in a pass, as far
   * as passTokensMax and passRowsMax allow. Each result equals that of `draft`. `close` waits for
   * all of it.
   *
   * @param requests [n >= 1] each of another slot.
   */
  draftEach(requests: readonly DraftRequest[]): Promise<DraftEachResult>;

  /** Rolls a slot back to `length` tokens; a length above the slot's is an error. */
  truncate(slot: SlotId, length: number): Promise<void>;

  /**
   * Copies the first `length` tokens of `from` to `to` without computing them; keeps the config of
   * `to`.
   */
  copyPrefix(from: SlotId, to: SlotId, length: number): Promise<void>;

  /** Serialised cache and token log of a slot. */
  save(slot: SlotId): Promise<Uint8Array>;

  /**
   * Fills a slot from `save` of an engine with the same model and cache type; `segment-invalid`
   * otherwise. Damaged bytes change nothing; an intact state of another model or cache type leaves
   * the slot empty and open with `config`, and so does one that cannot be cut to `length`: where
   * blocks attend to a window, a state holds but the window before its end.
   *
   * @param length first tokens of the state to keep; all by default.
   */
  restore(slot: SlotId, state: Uint8Array, config: SlotConfig, length?: number): Promise<void>;

  /**
   * Takes an encoded image in, until `forget` was called as often. Its ids may stand in a prompt,
   * never behind `promptLength`.
   *
   * @returns [tokens] ids that follow each other, above every vocabulary (image-tokens.ts); equal
   *   images have equal ids. `segment-invalid` for rows of another length than the model's or an
   *   image that it cannot take, `server-busy` where there is no room.
   */
  see(image: ImageRows): Promise<Int32Array>;

  /**
   * Undoes one `see`. What a cache holds of the image stays right; a pass that has to compute its
   * tokens again is refused. @param first id of the image.
   */
  forget(first: number): Promise<void>;

  /** Refuses further calls, finishes earlier ones, cuts drafts short, and frees all memory. */
  close(): Promise<void>;
}

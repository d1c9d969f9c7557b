// Implements the engine without threads: slots, passes and draft loops over any RowModel.
// Synchronous; the llama worker and the scripted engine both run it. Time comes in as a function;
// chance comes from the slots' seeds.

import { PilotfishError } from '../base/error.js';
import { isImageToken } from '../base/image-token.js';
import type { Grammar } from '../grammar/grammar.js';
import type { GrammarCache } from '../grammar/grammar-cache.js';
import { checkSampling } from '../math/sampling.js';
import { runDrafts } from './draft-loop.js';
import type {
  DraftEachResult,
  DraftEnd,
  DraftedToken,
  DraftRequest,
  ExitHint,
  Judge,
  OnHints,
  Outcome,
  PassResult,
  Segment,
  SlotConfig,
} from './engine.js';
import { guessVerdict } from './exit-hint.js';
import type { ImageRows } from './image-tokens.js';
import { type JudgedRows, judgeRows, logprobsOfVerdict } from './judge.js';
import { MaskBudget } from './mask-budget.js';
import type { RowMath } from './row-math.js';
import type { ExitRows, RowModel } from './row-model.js';
import {
  checkDraftRequest,
  checkDraftSlots,
  checkSegments,
  checkTokenIds,
  invalid,
  isWithin,
} from './segment-check.js';
import { Slot } from './slot.js';
import { packState, unpackState } from './slot-state.js';

export interface EngineCoreParts {
  readonly model: RowModel;
  readonly math: RowMath;
  /** Tokens that end a text. */
  readonly endOfText: ReadonlySet<number>;
  /** Grammars of the model's vocabulary; absent: formats are refused. */
  readonly grammars?: GrammarCache;
  /** Milliseconds of any steady clock; only differences are used. */
  readonly now: () => number;
}

/** Control of a running draft loop: stop requests in, tokens out. */
export interface DraftControl {
  readonly stopped: () => boolean;
  readonly onToken: (token: DraftedToken) => void;
}

/** See Engine for the contract of each method; here they return values instead of promises. */
export class EngineCore {
  readonly #parts: EngineCoreParts;
  readonly #slots = new Map<number, Slot>();

  constructor(parts: EngineCoreParts) {
    this.#parts = parts;
  }

  open(slot: number, config: SlotConfig, keptLength = 0): void {
    this.#put(slot, this.#opened(slot, config, keptLength));
  }

  /** Checks the arguments of `open`. Changes nothing. */
  #opened(slot: number, config: SlotConfig, keptLength: number): Slot {
    const { model } = this.#parts;
    this.#checkSlotIndex(slot);
    checkSampling(config.sampling, model.vocabSize);
    if (!Number.isInteger(config.promptLength) || config.promptLength < 0) {
      throw invalid(`promptLength ${config.promptLength} is not a whole number >= 0`);
    }
    if (!isWithin(config.absentCount ?? 0, Number.MAX_SAFE_INTEGER)) {
      throw invalid(`absentCount ${config.absentCount} is not a whole number >= 0`);
    }
    if (config.seed < 0n || config.seed >= 1n << 64n) {
      throw new PilotfishError('sampling-invalid', `seed ${config.seed} is outside [0, 2^64)`);
    }
    const held = this.#slots.get(slot)?.tokens ?? new Int32Array(0);
    if (!isWithin(keptLength, held.length)) {
      throw invalid(`cannot keep ${keptLength} tokens of slot ${slot}: it holds ${held.length}`);
    }
    const opened = new Slot(config, this.#grammarOf(config));
    opened.push(held.subarray(0, keptLength));
    return opened;
  }

  #put(slot: number, opened: Slot): void {
    this.#parts.model.truncate(slot, opened.length);
    this.#slots.set(slot, opened);
  }

  #grammarOf({ schema = null, compiled = null, formatScope }: SlotConfig): Grammar | null {
    if (schema === null) return null;
    const { grammars } = this.#parts;
    if (grammars !== undefined) return grammars.grammarOf(schema, compiled, formatScope);
    throw new PilotfishError('format-invalid', 'this engine follows no formats');
  }

  pass(segments: readonly Segment[], onHints?: OnHints): PassResult {
    const { model, now } = this.#parts;
    checkSegments(segments, this.#checkContext());
    if (segments.length === 0) return { outcomes: [], decodeMs: 0, judgeMs: 0 };
    const started = now();
    const guessing = this.#maskBudget(segments);
    model.feed(
      segments.map(({ slot, from, tokens, judge }) => ({
        slot,
        from,
        tokens,
        rowCount: rowsOf(judge),
      })),
      onHints && model.exit
        ? (rows) => this.#tellHints(segments, rows, onHints, guessing)
        : undefined,
    );
    const decoded = now();
    const outcomes = this.#concludeAll(segments);
    return { outcomes, decodeMs: decoded - started, judgeMs: now() - decoded };
  }

  #maskBudget(segments: readonly Segment[]): MaskBudget {
    const isParty = ({ slot, judge }: Segment) => judge && this.#slotOf(slot).grammar !== null;
    return new MaskBudget(segments.filter(isParty).length);
  }

  /** Reports guesses for the segments whose rows an early exit has just given. */
  #tellHints(
    segments: readonly Segment[],
    rows: ExitRows,
    onHints: OnHints,
    budget: MaskBudget,
  ): void {
    const hints: ExitHint[] = [];
    let firstRow = 0;
    for (const segment of segments) {
      const isThere = firstRow >= rows.from && firstRow < rows.from + rows.count;
      const hint = isThere ? this.#guess(segment, firstRow, rows, budget) : null;
      if (hint) hints.push(hint);
      firstRow += rowsOf(segment.judge);
    }
    if (hints.length > 0) onHints(hints);
  }

  /** The exit's guess for one segment; null if its rows hold no numbers. Restores the slot. */
  #guess(
    segment: Segment,
    firstRow: number,
    { row }: ExitRows,
    budget: MaskBudget,
  ): ExitHint | null {
    const { slot: index, from, tokens, judge } = segment;
    const { model, math } = this.#parts;
    if (!judge) return null;
    const slot = this.#slotOf(index);
    const rows = judgedRows(from, tokens, judge, (offset) => row(firstRow + offset));
    const { length } = slot;
    slot.push(tokens.subarray(0, tokens.length - judge.draftCount));
    const parts = { math, exit: model.exit!, mayMask: budget.meter(slot.grammar) };
    try {
      return { slot: index, ...guessVerdict(rows, judge, slot, parts) };
    } catch (reason) {
      if (reason instanceof PilotfishError) return null; // A failed hint must not fail the pass.
      throw reason;
    } finally {
      slot.truncate(length);
    }
  }

  /**
   * Judges all segments. A row that cannot be judged (no numbers from the model) undoes the pass.
   */
  #concludeAll(segments: readonly Segment[]): Outcome[] {
    const { now } = this.#parts;
    let row = 0;
    const budget = this.#maskBudget(segments);
    try {
      return segments.map((segment) => {
        const startedMs = now();
        const outcome = this.#conclude(segment, row, budget);
        row += rowsOf(segment.judge);
        if (this.#slotOf(segment.slot).grammar === null) return outcome;
        return { ...outcome, formatMs: now() - startedMs };
      });
    } catch (reason) {
      for (const segment of segments) this.#takeBack(segment);
      throw reason;
    }
  }

  /**
   * Rolls a slot back to the start of the call, because its progress is unknown after a failure.
   */
  #takeBack({ slot, from }: { readonly slot: number; readonly from: number }): void {
    this.#slotOf(slot).truncate(from);
    this.#parts.model.truncate(slot, from);
  }

  /**
   * Judges one segment whose rows start at `firstRow`, and cuts cache and log to the accepted
   * length.
   */
  #conclude(segment: Segment, firstRow: number, budget: MaskBudget): Outcome {
    const { slot: index, from, tokens, judge, topLogprobs = null } = segment;
    const { model, math } = this.#parts;
    const slot = this.#slotOf(index);
    if (!judge) {
      slot.push(tokens);
      return { slot: index, acceptedCount: 0, final: null, logprobs: null, length: slot.length };
    }
    const rows = judgedRows(from, tokens, judge, (offset) => model.row(firstRow + offset));
    const { drafts } = rows;
    slot.push(tokens.subarray(0, tokens.length - judge.draftCount));
    const mayMask = budget.meter(slot.grammar);
    const verdict = judgeRows(rows, judge, slot, math, mayMask);
    const { acceptedCount, final } = verdict;
    const logprobs = topLogprobs === null ? null : logprobsOfVerdict(rows, verdict, topLogprobs);
    slot.countDrafts(acceptedCount, final.kind === 'bonus' ? acceptedCount : judge.draftCount);
    slot.push(drafts.subarray(0, acceptedCount));
    if (acceptedCount < judge.draftCount) model.truncate(index, slot.length);
    return { slot: index, acceptedCount, final, logprobs, length: slot.length };
  }

  /**
   * Takes an encoded image in.
   *
   * @returns [tokens] ids that stand for it in prompts; equal images have equal ids.
   * @throws PilotfishError `model-unsupported`, or `segment-invalid` for other rows than it takes.
   */
  see(image: ImageRows): Int32Array {
    const { model } = this.#parts;
    if (model.see === undefined) {
      throw new PilotfishError('model-unsupported', 'this engine takes no images');
    }
    return model.see(image);
  }

  /** Undoes one `see`. @param first id of the image. @throws PilotfishError `segment-invalid`. */
  forget(first: number): void {
    const { model } = this.#parts;
    if (model.forget === undefined) throw invalid(`no image begins with token ${first}`);
    model.forget(first);
  }

  draft(request: DraftRequest, control: DraftControl): DraftEnd {
    return this.#draftAll([request], control).ends[0]!;
  }

  draftEach(requests: readonly DraftRequest[]): DraftEachResult {
    return this.#draftAll(requests, { stopped: () => false, onToken: () => {} });
  }

  #draftAll(requests: readonly DraftRequest[], control: DraftControl): DraftEachResult {
    const { model, math, endOfText, now } = this.#parts;
    checkDraftSlots(requests);
    const slots = requests.map((request) => {
      const { slot: index, config, from } = request;
      const slot = config ? this.#opened(index, config, from) : this.#slotOf(index);
      checkDraftRequest(request, slot.length, model);
      return slot;
    });
    for (const [index, { slot, from, config }] of requests.entries()) {
      if (config) this.#put(slot, slots[index]!);
      else this.truncate(slot, from);
    }
    try {
      return runDrafts(requests, slots, { model, math, endOfText, now, ...control });
    } catch (reason) {
      for (const request of requests) this.#takeBack(request);
      throw reason;
    }
  }

  truncate(index: number, length: number): void {
    const slot = this.#slotOf(index);
    if (!isWithin(length, slot.length)) {
      throw invalid(`cannot roll slot ${index} back to ${length}: it holds ${slot.length} tokens`);
    }
    if (length === slot.length) return;
    slot.truncate(length);
    this.#parts.model.truncate(index, length);
  }

  copyPrefix(fromIndex: number, toIndex: number, length: number): void {
    const from = this.#slotOf(fromIndex);
    const to = this.#slotOf(toIndex);
    if (fromIndex === toIndex) {
      throw invalid(`slot ${toIndex} cannot copy its own prefix`);
    }
    if (!isWithin(length, from.length)) {
      throw invalid(
        `prefix of ${length} tokens asked of slot ${fromIndex}, which holds ${from.length}`,
      );
    }
    const copy = new Slot(to.config, to.grammar);
    copy.push(from.tokens.subarray(0, length));
    this.#parts.model.copyPrefix(fromIndex, toIndex, length);
    this.#slots.set(toIndex, copy);
  }

  save(index: number): Uint8Array {
    return packState(this.#slotOf(index).tokens, this.#parts.model.save(index));
  }

  restore(index: number, state: Uint8Array, config: SlotConfig, length?: number): void {
    const { model } = this.#parts;
    const unpacked = unpackState(state);
    if (!unpacked) throw invalid('saved state is damaged or cut short');
    if (unpacked.tokens.length > model.contextLength) {
      throw new PilotfishError(
        'context-exhausted',
        `saved state holds ${unpacked.tokens.length} tokens, more than the context of ${model.contextLength}`,
      );
    }
    checkTokenIds(
      unpacked.tokens.filter((token) => !isImageToken(token)),
      model.vocabSize,
    );
    const { tokens, cache } = unpacked;
    if (length !== undefined && !isWithin(length, tokens.length)) {
      throw invalid(`cannot keep ${length} tokens of a state that holds ${tokens.length}`);
    }
    this.open(index, config);
    const kept = length ?? tokens.length;
    if (!model.restore(index, cache, kept)) {
      model.truncate(index, 0);
      const message = 'saved state belongs to another model or cache type';
      throw invalid(kept < tokens.length ? `${message}, or holds no cache at ${kept}` : message);
    }
    this.#slotOf(index).push(tokens.subarray(0, kept));
  }

  /** Tokens that a slot holds, as a copy. */
  tokens(index: number): Int32Array {
    return this.#slotOf(index).tokens.slice();
  }

  #checkContext() {
    return { model: this.#parts.model, slotOf: (index: number) => this.#slotOf(index) };
  }

  #checkSlotIndex(index: number): void {
    const { slotCount } = this.#parts.model;
    if (!Number.isInteger(index) || index < 0 || index >= slotCount) {
      throw invalid(`slot ${index} is outside [0, ${slotCount})`);
    }
  }

  #slotOf(index: number): Slot {
    this.#checkSlotIndex(index);
    const slot = this.#slots.get(index);
    if (!slot) throw invalid(`slot ${index} is not open`);
    return slot;
  }
}

/** Rows of logits that a segment asks for. */
const rowsOf = (judge: Judge | null): number => (judge ? judge.draftCount + 1 : 0);

function judgedRows(
  from: number,
  tokens: Int32Array,
  { draftCount }: Judge,
  row: JudgedRows['row'],
): JudgedRows {
  const draftsFrom = tokens.length - draftCount;
  return { drafts: tokens.subarray(draftsFrom), from: from + draftsFrom, row };
}

// Decides what the next pass tests for each session: drafts that its device has sent, drafts of the
// server behind them, or none; and whether the pass waits for more. Keeps what the server has
// drafted, and learns how drafts of each source do.

import type { DraftEachResult, Outcome } from '../../../engine/engine.js';
import type { Counters } from '../core-stats.js';
import type { Predict } from '../passes/batch.js';
import { deviceDraftsToTest } from '../passes/pass-builder.js';
import type { SlotTable } from '../passes/slot-table.js';
import type { Session } from '../session.js';
import type { InFlightSegment } from '../session-status.js';
import type { ServerCoreSettings } from '../settings.js';
import { cutDrafts, type DraftLine, deviceLine, mergedLine } from './draft-line.js';
import type { DraftedText } from './draft-texts.js';
import { type AskDrafts, ModelDrafter, type StagePart } from './model-drafter.js';

export type SpeculationStep =
  | { readonly kind: 'pass'; readonly lines: ReadonlyMap<Session, DraftLine> }
  | { readonly kind: 'stage'; readonly parts: readonly StagePart[] }
  | { readonly kind: 'wait'; readonly untilMs: number };

export interface PassCosts {
  readonly predict: Predict;
  /** Drafts of a device that are tested of a session without advice. */
  readonly firstDraftLength: number;
}

export class Speculation {
  readonly #settings: ServerCoreSettings;
  readonly #slots: SlotTable;
  readonly #model: ModelDrafter | null;

  constructor(
    settings: ServerCoreSettings,
    slots: SlotTable,
    draft: AskDrafts,
    counters: Counters,
  ) {
    const { model } = settings.drafting;
    this.#settings = settings;
    this.#slots = slots;
    this.#model = model && new ModelDrafter(model, draft, counters);
  }

  /** Until when no pass begins, since a draft stage is under way; null: none is waited for. */
  get awaitedUntilMs(): number | null {
    return this.#model?.awaitedUntilMs ?? null;
  }

  /** What to do now that the target is free. @param sessions that the next pass may compute for. */
  next(sessions: readonly Session[], costs: PassCosts, nowMs: number): SpeculationStep {
    const lines = new Map(sessions.map((session) => [session, this.#lineOf(session, costs)]));
    const parts = this.#stageParts(sessions, lines);
    return parts.length > 0 ? { kind: 'stage', parts } : { kind: 'pass', lines };
  }

  #lineOf(session: Session, { firstDraftLength }: PassCosts): DraftLine {
    const deviceCount = deviceDraftsToTest(session, firstDraftLength);
    const proposal = this.#model?.proposalOf(session) ?? null;
    if (proposal === null) return deviceLine(deviceCount);
    const { log, drafts, draftRoom, terms } = session;
    const { ids } = drafts.pending(log.length, deviceCount);
    const line = mergedLine(ids, proposal, 0.7);
    const room = draftRoom - line.deviceCount;
    return { ...line, server: cutDrafts(line.server, room, terms.endOfText) };
  }

  /** Sessions for which the draft model should draft before the next pass. */
  #stageParts(
    sessions: readonly Session[],
    lines: ReadonlyMap<Session, DraftLine>,
  ): readonly StagePart[] {
    const model = this.#model;
    if (model === null) return [];
    return sessions.flatMap((session) => {
      if (!this.#mayDraft(session) || model.proposalOf(session) !== null) return [];
      const { deviceCount } = lines.get(session)!;
      const text = this.#textOf(session, deviceCount);
      const room = Math.min(model.roomFor(text), session.draftRoom - deviceCount);
      const countMax = Math.min(room, this.#settings.drafting.fixedLength);
      return countMax > 0 ? [{ ...text, countMax, chanceMin: 0 }] : [];
    });
  }

  /** Whether the server may draft for a session at all now. */
  #mayDraft(session: Session): boolean {
    const { terms, log, wantsJudging, isSuspect } = session;
    const isServed = terms.mode === 'auto' || terms.mode === 'co-located';
    if (!isServed || !wantsJudging || isSuspect) return false;
    return log.length - this.#slots.cacheLength(session) <= stepTokensMax;
  }

  #textOf(session: Session, deviceCount: number): DraftedText {
    const { log, drafts } = session;
    const prefix = drafts.pending(log.length, deviceCount).ids;
    return { session, slot: this.#slots.idOf(session), prefix };
  }

  /** Gives a draft stage to the draft engine. @param parts [n >= 1] */
  startStage(parts: readonly StagePart[], nowMs: number): void {
    this.#model!.begin(parts, nowMs);
  }

  /** A pass has begun: prompts that the draft model lacks are fed beside it. */
  passStarted(sessions: readonly Session[]): void {
    const served = sessions.filter(({ terms: { mode } }) => mode === 'auto' || mode === 'co-located');
    if (served.length > 0) this.#model?.fill(served.map((session) => this.#textOf(session, 0)));
  }

  /** Entries of its tables and drafts under way, for leak checks. */
  get retainedCount(): number {
    return this.#model?.retainedCount ?? 0;
  }

  drafted(id: number, result: DraftEachResult): void {
    this.#model!.drafted(id, result);
  }

  draftFailed(id: number): void {
    this.#model!.failed(id);
  }

  /** A pass has judged drafts of a session. */
  learn({ server, draftCount }: InFlightSegment, { acceptedCount }: Outcome): void {
    server.confidences.forEach((confidence, index) => {
      const before = draftCount + index;
      if (confidence === null || acceptedCount < before) return;
      this.#model?.confidences.learn(confidence, acceptedCount > before);
    });
  }

  forget(session: Session): void {
    this.#model?.forget(session);
  }
}

/** A session that lacks more tokens in the target's cache is still being prefilled. */
const stepTokensMax = 8;

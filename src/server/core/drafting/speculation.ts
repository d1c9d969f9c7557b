// Decides with the planner what the target does next, and what the next pass tests for each
// session: drafts that its device has sent, drafts of the server behind them, or none. Keeps what
// the server has drafted, and learns how drafts of each source do.

import type { DraftEachResult, Outcome } from '../../../engine/engine.js';
import type { PassShape } from '../../../math/pass-time.js';
import { modeTraits } from '../../../protocol/frame.js';
import type { Counters } from '../core-stats.js';
import type { ConnectionId } from '../event.js';
import type { Predict } from '../passes/batch.js';
import { deviceDraftsToTest, draftRowsMs } from '../passes/pass-builder.js';
import type { SlotTable } from '../passes/slot-table.js';
import { isStep, planSpeculation, type SpeculationSession } from '../passes/speculation/index.js';
import type { Session } from '../session.js';
import type { InFlightSegment } from '../session-status.js';
import type { ServerCoreSettings } from '../settings.js';
import {
  cutDrafts,
  type DraftLine,
  deviceLine,
  firstDrafts,
  joinTokens,
  lineOf,
  mergedLine,
  noServerDrafts,
  type ServerDrafts,
} from './draft-line.js';
import type { DraftedText } from './draft-texts.js';
import { DraftingMemory } from './drafting-memory.js';
import { type AskDrafts, ModelDrafter, type StagePart } from './model-drafter.js';
import { PassesAhead } from './passes-ahead.js';
import type { SessionDrafting } from './session-drafting.js';
import type { PassCosts, SpeculationStep } from './speculation-step.js';
import { roundPassOf, StageTrial } from './stage-trial.js';
import { SuffixDrafter } from './suffix-drafter.js';

/** A session that may draft, with all that could go into the next pass for it. */
interface Prospect {
  readonly session: Session;
  readonly line: DraftLine;
  readonly suffix: ServerDrafts;
}

/** A session that lacks more tokens in the target's cache is still being prefilled. */
const stepTokensMax = 8;
/** Most drafts of a device that the planner may have tested in a pass. */
const autoLength = 32;
/** Most tokens of a draft of the server. */
const draftTokensMax = 16;

export class Speculation {
  readonly #settings: ServerCoreSettings;
  readonly #slots: SlotTable;
  readonly #model: ModelDrafter | null;
  readonly suffix: SuffixDrafter | null;
  readonly #trial = new StageTrial();
  readonly ahead = new PassesAhead();
  readonly #known = new Map<Session, SessionDrafting>();
  readonly #memory = new DraftingMemory();
  /** The engine is held for drafts of devices. */
  #held: { readonly sinceMs: number; readonly paidToMs: number } | null = null;
  #predict: Predict = () => 0;
  /** By which holds and rows of drafts have made the pass in flight longer. */
  #addedMs = 0;
  /** Of holds since the last pass began. */
  #delayMs = 0;

  constructor(
    settings: ServerCoreSettings,
    slots: SlotTable,
    draft: AskDrafts,
    counters: Counters,
  ) {
    const { model, suffixBytesMax } = settings.drafting;
    this.#settings = settings;
    this.#slots = slots;
    this.#model = model && new ModelDrafter(model, draft, counters);
    const indexedMax = 2 * settings.model.slotCount;
    this.suffix = suffixBytesMax === null ? null : new SuffixDrafter(suffixBytesMax, indexedMax);
  }

  /** Until when no pass begins, since a draft stage is under way; null: none is waited for. */
  get awaitedUntilMs(): number | null {
    return this.#model?.awaitedUntilMs ?? null;
  }

  /** What to do now that the target is free. @param sessions that the next pass may compute for. */
  next(sessions: readonly Session[], costs: PassCosts, nowMs: number): SpeculationStep {
    const heldMs = this.#payHold(nowMs);
    this.#trial.planning(sessions.length > 0, nowMs);
    this.#predict = costs.predict;
    const prospects = this.#withLead(sessions.map((session) => this.#prospect(session, costs)));
    const parts = this.#fixedParts(prospects);
    const planned = this.#plan(prospects, costs, heldMs, nowMs);
    if (parts.length > 0 || planned.kind === 'stage') {
      return {
        kind: 'stage',
        parts: [...parts, ...(planned.kind === 'stage' ? planned.parts : [])],
      };
    }
    return planned;
  }

  #prospect(session: Session, { firstDraftLength }: PassCosts): Prospect {
    const { log, drafts } = session;
    const isAuto = session.terms.mode === 'auto';
    const deviceCount = deviceDraftsToTest(session, isAuto ? autoLength : firstDraftLength);
    const { ids } = drafts.pending(log.length, deviceCount);
    const line = this.#lineOf(session, ids);
    return { session, line, suffix: this.#looked(session, ids, line) };
  }

  /** @param ids [n] drafts of its device that may be tested. */
  #lineOf(session: Session, ids: Int32Array): DraftLine {
    const proposal = this.#model?.proposalOf(session) ?? null;
    if (proposal === null) return deviceLine(ids.length);
    const line = mergedLine(ids, proposal, this.#knownOf(session).device.rate);
    const room = session.draftRoom - line.deviceCount;
    return { ...line, server: cutDrafts(line.server, room, session.terms.endOfText) };
  }

  /** Drafts of the look-up behind a line. */
  #looked(session: Session, ids: Int32Array, { deviceCount, server }: DraftLine): ServerDrafts {
    const { terms, draftRoom, log, key } = session;
    if (this.suffix === null || terms.mode !== 'auto' || !this.#isStepping(session)) {
      return noServerDrafts;
    }
    if (!this.ahead.isLookDue(log.length + key)) return noServerDrafts;
    const line = joinTokens(ids.subarray(0, deviceCount), server.tokens);
    if (line.some((token) => terms.endOfText.has(token))) return noServerDrafts;
    const found = this.suffix.draft(session, line, draftRoom - line.length);
    return cutDrafts(found, draftRoom - line.length, terms.endOfText);
  }

  #plan(
    prospects: readonly Prospect[],
    costs: PassCosts,
    heldMs: number,
    nowMs: number,
  ): SpeculationStep {
    const lines = new Map(prospects.map(({ session, line }) => [session, line]));
    const planned = prospects.filter(({ session }) => this.#isStepping(session));
    const mayHold = planned.length === prospects.length;
    if (!planned.some(({ session }) => session.terms.mode === 'auto'))
      return { kind: 'pass', lines };
    const questions = planned.map((prospect) => this.#question(prospect, mayHold, nowMs));
    if (questions.every(isStep)) return { kind: 'pass', lines };
    const plan = planSpeculation(
      questions,
      {
        predict: costs.predict,
        draftStepMs: (rows) => this.#model?.stepMs(rows, costs.contextLength) ?? Infinity,
      },
      heldMs,
    );
    const byKey = new Map(planned.map((prospect) => [prospect.session.key, prospect]));
    const charge = (key: number, ms: number): void =>
      this.#knownOf(byKey.get(key)!.session).budget.charge(ms);
    switch (plan.kind) {
      case 'hold':
        this.#held = { sinceMs: nowMs - heldMs, paidToMs: nowMs };
        this.ahead.held();
        for (const { key, chargeShare } of plan.shares) {
          this.#knownOf(byKey.get(key)!.session).holdShare = chargeShare;
        }
        return { kind: 'wait', untilMs: nowMs + plan.forMs };
      case 'draft':
        for (const { key, chargeMs } of plan.shares) charge(key, chargeMs);
        return {
          kind: 'stage',
          parts: plan.shares.map(({ key, countMax, chanceMin }) => {
            const { session, line } = byKey.get(key)!;
            return { ...this.#textOf(session, line.deviceCount), countMax, chanceMin };
          }),
        };
      case 'pass':
        for (const { key, count, suffixCount, chargeMs } of plan.shares) {
          const { session, line, suffix } = byKey.get(key)!;
          if (session.terms.mode !== 'auto') continue;
          charge(key, chargeMs);
          lines.set(session, lineOf(line, count, firstDrafts(suffix, suffixCount)));
        }
        return { kind: 'pass', lines };
    }
  }

  #question(
    { session, line, suffix }: Prospect,
    mayHold: boolean,
    nowMs: number,
  ): SpeculationSession {
    const { key, log, draftRoom, terms } = session;
    const known = this.#knownOf(session);
    const { deviceCount, server } = line;
    const isAuto = terms.mode === 'auto';
    const cacheLength = Math.min(this.#slots.cacheLength(session), log.length - 1);
    const chances: number[] = [];
    session.drafts.pendingChances(log.length, deviceCount).forEach((told, depth) => {
      chances.push(known.deviceChance(told, depth));
    });
    chances.push(...server.chances);
    const lineEnd = log.length + deviceCount;
    const isWhole = session.drafts.pendingCount(log.length) === deviceCount;
    const mayDraft = isAuto && server.tokens.length === 0 && this.#trial.mayDraft;
    const modelMax = mayDraft ? this.#modelRoom(session, line) : 0;
    const { rate } = known.device;
    return {
      key,
      cacheLength,
      missingCount: log.length - cacheLength,
      chances,
      modelCount: server.tokens.length,
      arrival:
        isAuto && mayHold && draftRoom > deviceCount && isWhole
          ? known.arrivals.next(log.length, lineEnd, rate, nowMs)
          : null,
      suffixChances: suffix.chances,
      modelChance: modelMax > 0 ? known.model.rate : 0,
      modelMax,
      tokensPerMs: known.rate.perMs,
      budgetMs: known.budget.leftMs,
      patienceMs: known.patience.leftMs,
    };
  }

  /** Without drafts of the look-up, unless they save more than the passes computed ahead. */
  #withLead(prospects: readonly Prospect[]): readonly Prospect[] {
    if (this.ahead.mayTest(prospects.map(({ suffix }) => suffix.chances))) return prospects;
    return prospects.map((prospect) => ({ ...prospect, suffix: noServerDrafts }));
  }

  /** Stage parts of sessions that get a draft of the same length each round. */
  #fixedParts(prospects: readonly Prospect[]): StagePart[] {
    const { fixedLength } = this.#settings.drafting;
    return prospects.flatMap(({ session, line }) => {
      if (session.terms.mode !== 'co-located' || !this.#isStepping(session)) return [];
      if (this.#model?.proposalOf(session)) return [];
      const countMax = Math.min(this.#modelRoom(session, line), fixedLength);
      return countMax > 0 ? [{ ...this.#textOf(session, 0), countMax, chanceMin: 0 }] : [];
    });
  }

  /** Most tokens that the draft model may draft behind a session's line now. */
  #modelRoom(session: Session, { deviceCount }: DraftLine): number {
    if (this.#model === null || session.isSuspect) return 0;
    const room = this.#model.roomFor(this.#textOf(session, deviceCount));
    return Math.max(0, Math.min(room, session.draftRoom - deviceCount, draftTokensMax));
  }

  /** Whether a session's next pass is for its next tokens, not for its prompt. */
  #isStepping(session: Session): boolean {
    const { log, wantsJudging } = session;
    return wantsJudging && log.length - this.#slots.cacheLength(session) <= stepTokensMax;
  }

  #textOf(session: Session, deviceCount: number): DraftedText {
    const { log, drafts } = session;
    const prefix = drafts.pending(log.length, deviceCount).ids;
    return { session, slot: this.#slots.idOf(session), prefix };
  }

  /** Charges the time for which the engine was held. @returns how long in all. */
  #payHold(nowMs: number): number {
    if (this.#held === null) return 0;
    const { sinceMs, paidToMs } = this.#held;
    this.#held = { sinceMs, paidToMs: nowMs };
    this.#delayMs += nowMs - paidToMs;
    for (const known of this.#known.values()) known.payHold(nowMs - paidToMs);
    return nowMs - sinceMs;
  }

  #knownOf(session: Session): SessionDrafting {
    const known = this.#known.get(session);
    if (known !== undefined) return known;
    const stepMs = this.#predict({ tokenCount: 1, rowCount: 1, tokenContext: session.log.length });
    const drafting = this.#memory.begin(session, stepMs);
    this.#known.set(session, drafting);
    return drafting;
  }

  /** Gives a draft stage to the draft engine. @param parts [n >= 1] */
  startStage(parts: readonly StagePart[], nowMs: number): void {
    this.#held = null;
    this.#trial.drafts();
    this.ahead.drafts();
    this.#model!.begin(parts, nowMs);
  }

  /** A pass has begun: prompts that the draft model lacks are fed beside it. */
  passStarted(
    sessions: readonly Session[],
    shape: PassShape,
    isAhead: boolean,
    nowMs: number,
  ): void {
    this.#held = null;
    this.#addedMs = this.#delayMs + draftRowsMs(sessions, shape, this.#predict);
    this.#delayMs = 0;
    const tokenContext = sessions.reduce((sum, { log }) => sum + log.length, 0);
    const { length } = sessions;
    const step = { tokenCount: length, rowCount: length, tokenContext };
    this.ahead.passStarted(step, isAhead, this.#predict, nowMs);
    const isLonger = this.#addedMs > 0;
    this.#trial.passStarted(roundPassOf(sessions, shape, this.ahead.stepMs, isLonger));
    const served = sessions.filter(({ terms: { mode } }) => modeTraits[mode].tellsSources);
    this.#model?.fill(served.map((session) => this.#textOf(session, 0)));
  }

  /** Whether passes of these sessions may be begun before their last one is known here. */
  mayRunAhead(sessions: readonly Session[]): boolean {
    if (!sessions.every((session) => this.#isPlain(session))) return false;
    const gains = sessions.map((session) => this.#known.get(session)?.suffixGain ?? 0);
    return this.ahead.isBetter(gains);
  }

  /** Whether only the look-up may draft for a session. */
  #isPlain({ terms: { mode, windowMax } }: Session): boolean {
    if (mode === 'stream') return true;
    // A device that may be a token ahead of the text it knows sends no drafts.
    if (mode !== 'auto' || windowMax > 1) return false;
    return this.#model === null || !this.#trial.mayDraft || this.ahead.isModelAtRest;
  }

  drafted(id: number, result: DraftEachResult, nowMs: number): void {
    this.#model!.drafted(id, result, nowMs);
  }

  draftFailed(id: number): void {
    this.#model!.failed(id);
  }

  /**
   * A device has sent drafts.
   *
   * @param before its chain: the end, null for another chain, and whether it was void.
   */
  received(
    session: Session,
    before: { readonly end: number | null; readonly isVoid: boolean },
    nowMs: number,
  ): void {
    const { drafts, log, terms } = session;
    if (terms.mode !== 'auto') return;
    const known = this.#knownOf(session);
    const isNew = before.end === null;
    const from = Math.max(before.end ?? 0, drafts.end - drafts.size);
    known.decided(drafts.decided, drafts.takeTested());
    if (drafts.isVoid) {
      const position = Math.min(drafts.settledTo, log.length - 1);
      if (isNew || !before.isVoid) known.arrivals.contradicted(position);
    } else if (drafts.end > from) {
      known.arrivals.arrived(from, drafts.end - from, isNew, nowMs);
    }
  }

  /**
   * A pass has judged rows of a session.
   *
   * @param committedCount tokens that it has committed. @param isBroken whether the device's chain
   *   ends with them.
   */
  judged(
    session: Session,
    segment: InFlightSegment,
    { acceptedCount, final }: Outcome,
    committedCount: number,
    isBroken: boolean,
    nowMs: number,
  ): void {
    const known = this.#knownOf(session);
    const { drafts, log } = session;
    // Behind a bonus token drafts may be left that were not tested.
    const testedCount = acceptedCount + (final?.kind === 'bonus' ? 0 : 1);
    const tested = { acceptedCount, testedCount };
    known.tested(segment, tested, drafts.decided, drafts.takeTested());
    known.committed(committedCount, this.ahead.stepMs, this.#addedMs, nowMs);
    this.#memory.keep(session, known);
    known.arrivals.committed(log.length, isBroken, nowMs);
    this.#trial.committed(committedCount, nowMs);
    this.#model?.learn(segment, tested);
  }

  /** Entries of its tables and drafts under way, for leak checks. */
  get retainedCount(): number {
    const drafting = (this.#model?.retainedCount ?? 0) + (this.suffix?.count ?? 0);
    return this.#known.size + drafting + this.#memory.count;
  }

  /** A connection is over. */
  disconnected(connection: ConnectionId): void {
    this.#memory.forget(connection);
  }

  forget(session: Session): void {
    this.#known.delete(session);
    this.#model?.forget(session);
    this.suffix?.forget(session);
  }
}

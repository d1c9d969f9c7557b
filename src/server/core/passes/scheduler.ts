// Keeps the engine busy: holds the sessions that have work, gives them slots, has a pass planned,
// starts it and learns from its time. At most one pass is in flight. Tells devices nothing.

import { assert } from '../../../base/assert.js';
import type { SlotId } from '../../../base/brand.js';
import type { Outcome, PassResult } from '../../../engine/engine.js';
import { type PassShape, PassTimeModel } from '../../../math/pass-time.js';
import { modeTraits } from '../../../protocol/frame.js';
import type { Counters } from '../core-stats.js';
import type { DraftLine } from '../drafting/draft-line.js';
import type { StagePart } from '../drafting/model-drafter.js';
import type { Speculation } from '../drafting/speculation.js';
import type { Session } from '../session.js';
import type { ServerCoreSettings } from '../settings.js';
import { trustedLength } from '../tenants/draft-trust.js';
import { FairShare, type TenantCredit } from '../tenants/fair-share.js';
import type { BatchBounds, Candidate, PassPlan, PlannedPass, PlannedSegment } from './batch.js';
import {
  adviceFrom,
  expectedAcceptance,
  firstAdvice,
  loadedDraftLength,
  nextAdvice,
  type ServerLoad,
} from './draft-advice.js';
import { Occupancy } from './occupancy.js';
import type { IssueOperation } from './operations.js';
import { loadedTokenMs } from './overload.js';
import { buildSegment, candidateOf, passShapeOf, plainFollowCount } from './pass-builder.js';
import { planPass } from './pass-plan.js';
import type { SlotTable } from './slot-table.js';

interface PassInFlight {
  readonly id: number;
  readonly sessions: readonly Session[];
  /** [sessions] where each is computed. */
  readonly slots: readonly SlotId[];
  readonly shape: PassShape;
  readonly startedAtMs: number;
}

/** A session's part of a pass that has ended well. */
export interface CompletedSegment {
  readonly session: Session;
  readonly outcome: Outcome;
  readonly passMs: number;
}

/** A pass that has failed. */
export interface FailedPass {
  readonly sessions: readonly Session[];
  readonly isProved: boolean;
}

/** Keeps each key to the rounds it may have at once: those with the nearest deadlines. */
function withinRounds(
  candidates: readonly Candidate[],
  sessions: ReadonlyMap<number, Session>,
): Candidate[] {
  const hasRounds = [...sessions.values()].some(({ terms }) => terms.tenant.limits.rounds !== null);
  if (!hasRounds) return [...candidates];
  const counts = new Map<number, number>();
  const byDeadline = candidates.toSorted((a, b) => a.deadlineMs - b.deadlineMs || a.key - b.key);
  return byDeadline.filter(({ key, tenant }) => {
    const { rounds } = sessions.get(key)!.terms.tenant.limits;
    const count = (counts.get(tenant) ?? 0) + 1;
    counts.set(tenant, count);
    return rounds === null || count <= rounds;
  });
}

/** Weight of the newest pass in the load. */
const loadStep = 0.1;

/** Passes for which new sessions get the same draft length. */
const newSessionEvery = 8;

/** The engine waits for a draft stage. */
export interface StagePlan {
  readonly kind: 'stage';
  /** [n >= 1] */
  readonly parts: readonly StagePart[];
}

export class Scheduler {
  readonly passTime = new PassTimeModel();
  readonly #settings: ServerCoreSettings;
  readonly #slots: SlotTable;
  readonly #issue: IssueOperation;
  readonly #bounds: BatchBounds;
  readonly #counters: Counters;
  readonly #ready = new Map<number, Session>();
  readonly #speculation: Speculation;
  #inFlight: PassInFlight | null = null;
  /** Of the pass that was planned last. */
  #lines: ReadonlyMap<Session, DraftLine> = new Map();
  /** Whether the last pass was a suspect's alone: then the others have their turn. */
  #wasSuspect = false;
  readonly #occupancy = new Occupancy();
  readonly #fairShare = new FairShare();
  #judgedCount = 1;
  #newSessions = { passCount: -Infinity, length: 0 };
  #contextLength = 0;

  constructor(
    settings: ServerCoreSettings,
    slots: SlotTable,
    issue: IssueOperation,
    counters: Counters,
    speculation: Speculation,
  ) {
    const { passTokensMax, passRowsMax } = settings.model;
    this.#settings = settings;
    this.#bounds = { ...settings, passTokensMax, passRowsMax, fairness: null };
    this.#slots = slots;
    this.#issue = issue;
    this.#counters = counters;
    this.#speculation = speculation;
  }

  get isFlying(): boolean {
    return this.#inFlight !== null;
  }

  get readyCount(): number {
    return this.#ready.size;
  }

  get queueLength(): number {
    return [...this.#ready.values()].filter(({ segment }) => segment === null).length;
  }

  get waitingForSlot(): number {
    return [...this.#ready.values()].filter((session) => !this.#slots.has(session)).length;
  }

  get #load(): ServerLoad {
    return {
      cost: this.passTime.cost,
      judgedCount: Math.max(1, this.#judgedCount),
      contextLength: this.#contextLength,
      busyShare: this.#occupancy.busyShare,
    };
  }

  /** How long a session's device should draft, where that has changed; null: as before. */
  advise(session: Session): number | null {
    const { acceptedCount, testedCount, turnaroundMs, trust, advice } = session.history;
    if (!modeTraits[session.terms.mode].takesDrafts || this.passTime.error.passCount < adviceFrom)
      return null;
    const lengthMax = this.#settings.limits.draftTokens;
    const acceptanceRate = expectedAcceptance(acceptedCount, testedCount);
    const ideal = loadedDraftLength(this.#load, { acceptanceRate, turnaroundMs }, lengthMax);
    return nextAdvice(advice, trustedLength(trust, ideal), lengthMax);
  }

  /** Milliseconds from token to token if one more session joined. */
  get loadedTokenMs(): number {
    const { slotCount } = this.#settings.model;
    const usage = { busyCount: this.#ready.size, slotCount, contextLength: this.#contextLength };
    return loadedTokenMs(usage, this.#predict);
  }

  /** Call after every change of a session. */
  refresh(session: Session): void {
    if (this.#hasWork(session)) this.#ready.set(session.key, session);
    else this.#ready.delete(session.key);
  }

  forget(session: Session): void {
    this.#ready.delete(session.key);
    this.#speculation.forget(session);
  }

  #hasWork(session: Session): boolean {
    if (session.wantsJudging) return true;
    // A new prompt is computed before a row of it is asked for; later only sessions that ask get
    // the engine.
    return session.wantsPrefill && !this.#isFilled(session);
  }

  #isFilled(session: Session): boolean {
    return this.#slots.cacheLength(session) >= session.log.length - 1;
  }

  readonly #predict = (shape: PassShape): number => this.passTime.predict(shape);

  readonly #isIdle = (session: Session): boolean => !this.#ready.has(session.key);

  /** Plans the next pass or draft stage, if the engine is free: the caller starts it. */
  schedule(nowMs: number): PassPlan | StagePlan {
    if (this.#inFlight) return { kind: 'idle' };
    const { awaitedUntilMs } = this.#speculation;
    if (awaitedUntilMs !== null && nowMs < awaitedUntilMs) {
      return { kind: 'wait', untilMs: awaitedUntilMs };
    }
    this.#assignSlots(nowMs);
    const sessions = this.#usable();
    const firstDraftLength = this.#firstDraftLength(Math.max(1, sessions.length));
    const contextLength = this.#contextLength;
    const costs = { predict: this.#predict, firstDraftLength, contextLength };
    const step = this.#speculation.next(sessions, costs, nowMs);
    if (step.kind !== 'pass') return step;
    this.#lines = step.lines;
    const fairness = this.#fairShare.terms(this.#tenants(), nowMs);
    const bounds = fairness ? { ...this.#bounds, fairness } : this.#bounds;
    const plan = planPass(this.#candidates(sessions), bounds, this.#predict, nowMs);
    if (plan.kind !== 'pass') return plan;
    if (fairness) this.#fairShare.settle(fairness, plan.predictedMs, plan.spentMs);
    else this.#fairShare.alone(plan.predictedMs);
    return plan;
  }

  #tenants(): Set<TenantCredit> {
    const tenants = new Set<TenantCredit>();
    for (const { terms } of this.#ready.values()) tenants.add(terms.tenant.credit);
    return tenants;
  }

  /** Slots go to keys with fewer slots first, then first come, first served. */
  #assignSlots(nowMs: number): void {
    const waiting = [...this.#ready.values()].filter((session) => !this.#slots.has(session));
    if (waiting.length === 0) return;
    const held = this.#slots.heldBy;
    const heldOf = ({ terms }: Session): number => held.get(terms.tenant.ordinal) ?? 0;
    waiting.sort(
      (a, b) => heldOf(a) - heldOf(b) || a.waitingSinceMs - b.waitingSinceMs || a.key - b.key,
    );
    /** Keys that cannot have another slot now. */
    const refused = new Set<number>();
    for (const session of waiting) {
      const { ordinal } = session.terms.tenant;
      // An image that is being written will be there after the operations under way.
      if (this.#slots.images.isComing(session) || refused.has(ordinal)) continue;
      if (!this.#slots.acquire(session, this.#isIdle, nowMs)) refused.add(ordinal);
    }
  }

  /** Sessions that the next pass may compute for. */
  #usable(): readonly Session[] {
    const usable = [...this.#ready.values()].filter(
      (session) =>
        this.#slots.isReady(session) &&
        this.#slots.share(session, session.log.length - 1, this.#isIdle) &&
        this.#slots.isReady(session),
    );
    // A copied prompt may be complete, with nothing left to compute.
    for (const session of [...this.#ready.values()]) this.refresh(session);
    return this.#quarantined(usable);
  }

  #candidates(sessions: readonly Session[]): Candidate[] {
    const passMs = this.passTime.predict({ tokenCount: 1, rowCount: 1, tokenContext: 0 });
    const candidates = sessions.map((session) =>
      candidateOf(session, this.#slots, this.#lines.get(session)!, passMs),
    );
    return withinRounds(candidates, this.#ready);
  }

  /** Solves an equation, so it is computed again only every few passes. */
  #firstDraftLength(sessionCount: number): number {
    const { passCount } = this.passTime.error;
    const newSessions = this.#newSessions;
    const isFresh = passCount >= adviceFrom && passCount - newSessions.passCount < newSessionEvery;
    if (isFresh) return newSessions.length;
    const { draftTokens } = this.#settings.limits;
    const length = firstAdvice(this.#load, { passCount, sessionCount }, draftTokens);
    this.#newSessions = { passCount, length };
    return length;
  }

  /**
   * After a failed pass each of its sessions is a suspect and gets a pass of its own, so that a
   * second failure hits no other session. Sessions that are no suspects get every second pass.
   */
  #quarantined(usable: readonly Session[]): readonly Session[] {
    const suspect = usable.find(({ isSuspect }) => isSuspect);
    const others = usable.filter(({ isSuspect }) => !isSuspect);
    const goesAlone = suspect !== undefined && (others.length === 0 || !this.#wasSuspect);
    this.#wasSuspect = goesAlone;
    return goesAlone ? [suspect] : others;
  }

  /** Gives a planned pass to the engine. */
  startPass({ segments: shares }: PlannedPass, nowMs: number): void {
    const sessions = shares.map(({ key }) => this.#ready.get(key)!);
    const segments = shares.map((share, index) => {
      const session = sessions[index]!;
      const { contextLength } = this.#settings.model;
      const line = this.#lines.get(session)!;
      const built = buildSegment(session, share, line, this.#slots, contextLength, nowMs);
      session.passStarted(built.inFlight, built.segment.from);
      this.#slots.beginPass(session, nowMs);
      return built.segment;
    });
    const shape = passShapeOf(segments);
    const wantsHints = sessions.some(({ terms, segment }) => terms.wantsHints && segment?.isJudged);
    const followCount = this.#followCount(sessions);
    const id = this.#issue({ kind: 'pass', segments, wantsHints, followCount }, null);
    const slots = segments.map(({ slot }) => slot);
    this.#inFlight = { id, sessions, slots, shape, startedAtMs: nowMs };
    this.#noteLoad(shares, shape);
    this.#speculation.passStarted(sessions, shape, followCount > 0, nowMs);
  }

  /** Passes that will ask for the next tokens of the same sessions, without drafts. */
  #followCount(sessions: readonly Session[]): number {
    if (sessions.length < this.#ready.size) return 0;
    if (!this.#speculation.mayRunAhead(sessions)) return 0;
    return Math.min(...sessions.map(plainFollowCount));
  }

  /** Gives a planned draft stage to the draft engine. */
  startStage({ parts }: StagePlan, nowMs: number): void {
    this.#speculation.startStage(parts, nowMs);
  }

  #noteLoad(
    shares: readonly PlannedSegment[],
    { tokenCount, tokenContext, rowCount }: PassShape,
  ): void {
    const judged = shares.filter(({ isJudged }) => isJudged).length;
    this.#judgedCount += loadStep * (judged - this.#judgedCount);
    this.#contextLength += loadStep * (tokenContext / tokenCount - this.#contextLength);
    this.#counters.passSessions.add(judged);
    this.#counters.passTokens.add(tokenCount);
    this.#counters.fedCount += tokenCount;
    this.#counters.rowCount += rowCount;
  }

  /** The session that the pass in flight computes in a slot; null where the pass is over. */
  inSlot(id: number, slot: SlotId): Session | null {
    if (this.#inFlight?.id !== id) return null;
    return this.#inFlight.sessions[this.#inFlight.slots.indexOf(slot)] ?? null;
  }

  /**
   * The pass has ended well.
   *
   * @returns what it has decided for each of its sessions, forgotten ones included.
   */
  completePass(id: number, result: PassResult, nowMs: number): CompletedSegment[] {
    const { sessions, shape, startedAtMs } = this.#arrive(id);
    const { outcomes, decodeMs, judgeMs } = result;
    const passMs = decodeMs + judgeMs > 0 ? decodeMs + judgeMs : nowMs - startedAtMs;
    // Paid for by their keys, formats say nothing of the next pass.
    const credits = sessions.map(({ terms }) => terms.tenant.credit);
    const formatMs = this.#fairShare.charge(credits, outcomes);
    this.passTime.learn(shape, Math.max(0, passMs - formatMs));
    this.#speculation.ahead.passEnded(passMs, this.#ready.size > 0, nowMs);
    this.#slots.endPass(new Map(outcomes.map(({ slot, length }) => [slot, length])));
    this.#counters.passCount++;
    this.#counters.busyMs += nowMs - startedAtMs;
    this.#occupancy.add(startedAtMs, nowMs);
    this.#counters.passMs.add(passMs);
    return sessions.map((session, index) => ({ session, outcome: outcomes[index]!, passMs }));
  }

  /**
   * The pass has failed. The contents of its slots are unknown, so all are given up.
   *
   * @returns the sessions of the pass; `isProved` if it failed for the second time, with one
   *   session alone in it.
   */
  passFailed(id: number, nowMs: number): FailedPass {
    const { sessions, startedAtMs } = this.#arrive(id);
    this.#slots.endPass(new Map<SlotId, number>());
    this.#counters.passFailureCount++;
    this.#counters.busyMs += nowMs - startedAtMs;
    this.#occupancy.add(startedAtMs, nowMs);
    const [first] = sessions;
    const isProved = sessions.length === 1 && first!.segment?.isRetry === true;
    for (const session of sessions) {
      session.passFailed();
      this.#slots.release(session);
      // Its prompt may have to be computed again although no row of it is asked for now.
      this.refresh(session);
    }
    return { sessions, isProved };
  }

  #arrive(id: number): PassInFlight {
    const inFlight = this.#inFlight;
    assert(inFlight?.id === id, `pass ${id} is not in flight`);
    this.#inFlight = null;
    return inFlight;
  }

  /** @throws InvariantError where a session that is over waits, or one that has work does not. */
  checkIntegrity(sessions: Iterable<Session>): void {
    const all = new Set(sessions);
    for (const [key, session] of this.#ready) assert(all.has(session), `session ${key} is gone`);
    for (const session of all) {
      assert(
        this.#hasWork(session) === this.#ready.has(session.key),
        `session ${session.key} has ${this.#ready.has(session.key) ? 'no ' : ''}work`,
      );
    }
  }
}

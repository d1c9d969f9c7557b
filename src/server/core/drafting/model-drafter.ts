// Runs the draft model that sits beside the target: asks it for drafts of several sessions in
// shared passes, keeps them until the next pass of the target, and learns what its passes cost. The
// answers go on without it where it fails or is late.

import { assert } from '../../../base/assert.js';
import type { DraftEachResult, DraftRequest } from '../../../engine/engine.js';
import { PassTimeModel } from '../../../math/pass-time.js';
import type { Counters } from '../core-stats.js';
import type { Session } from '../session.js';
import type { InFlightSegment } from '../session-status.js';
import type { DraftModel } from '../settings.js';
import { ConfidenceTable } from './confidence-table.js';
import type { ServerDrafts } from './draft-line.js';
import { type DraftedText, DraftTexts } from './draft-texts.js';
import type { Tested } from './session-drafting.js';

/** Gives drafts to the draft engine. */
export type AskDrafts = (id: number, requests: readonly DraftRequest[]) => void;

/** A draft that a session gets in a draft stage. */
export interface StagePart extends DraftedText {
  /** Most tokens, >= 1. */
  readonly countMax: number;
  /** The draft stops where its chance to stand as a whole falls below this; 0: never. */
  readonly chanceMin: number;
}

interface UnderWay {
  readonly id: number;
  readonly parts: readonly DraftedText[];
  /** [parts] length of each log when it was asked. */
  readonly lengths: readonly number[];
  /** Whether a pass of the target waits for it. */
  readonly isStage: boolean;
  /** From then on no pass waits. */
  readonly lateAtMs: number;
  readonly startedAtMs: number;
}

interface Proposal {
  /** Of the log that it continues. */
  readonly logLength: number;
  readonly prefix: Int32Array;
  readonly drafts: ServerDrafts;
}

/** More missing tokens than this are fed beside a pass of the target, so that none waits. */
const shortTokens = 32;
/** Most tokens fed beside one pass. */
const chunkTokens = 256;
/** A stage is late beyond so many times its predicted time, and as many milliseconds. */
const lateFactor = 4;
const lateMs = 50;
/** A stage is late after so many milliseconds before any pass was measured. */
const firstLateMs = 2000;
/** Weight of the newest stage, and the largest ratio of one that counts. */
const stageRatioStep = 1 / 8;
const stageRatioMax = 8;
/** Failures in a row after which it is not asked any more. */
const failuresMax = 3;

export class ModelDrafter {
  readonly passTime = new PassTimeModel();
  readonly confidences = new ConfidenceTable();
  readonly #model: DraftModel;
  readonly #draft: AskDrafts;
  readonly #counters: Counters;
  readonly #texts: DraftTexts;
  readonly #proposals = new Map<Session, Proposal>();
  #underWay: UnderWay | null = null;
  #failuresInRow = 0;
  /** Time of a stage over that of its passes: messages between threads, and a shared processor. */
  #stageRatio = 1;
  #nextId = 1;

  constructor(model: DraftModel, draft: AskDrafts, counters: Counters) {
    this.#model = model;
    this.#draft = draft;
    this.#counters = counters;
    this.#texts = new DraftTexts(model.slotCount);
  }

  /** When a pass of the target stops waiting for the stage under way; null: none waits. */
  get awaitedUntilMs(): number | null {
    return this.#underWay?.isStage === true ? this.#underWay.lateAtMs : null;
  }

  get isOff(): boolean {
    return this.#failuresInRow >= failuresMax;
  }

  /** Most tokens it can draft behind a text in a stage that begins now; 0: none. */
  roomFor(text: DraftedText): number {
    if (this.isOff || this.#underWay !== null) return 0;
    const end = text.session.words.length + text.prefix.length;
    const room = end === 0 ? 0 : this.#model.contextLength - end;
    return room > 0 && this.#texts.missingCount(text) <= shortTokens ? room : 0;
  }

  /** Milliseconds of one step over several rows. @param contextLength mean length of the texts. */
  stepMs(rowCount: number, contextLength: number): number {
    const tokenContext = rowCount * contextLength;
    const ms = this.passTime.predict({ tokenCount: rowCount, rowCount, tokenContext });
    return ms * this.#stageRatio;
  }

  /** What it has drafted for a session's log as it is now, and the drafts that it follows. */
  proposalOf(session: Session): Pick<Proposal, 'prefix' | 'drafts'> | null {
    const proposal = this.#proposals.get(session);
    return proposal?.logLength === session.log.length ? proposal : null;
  }

  /** Begins a draft stage. @param parts [n >= 1] with room. */
  begin(parts: readonly StagePart[], nowMs: number): void {
    const steps = Math.max(...parts.map(({ countMax }) => countMax));
    const predictedMs = steps * this.stepMs(parts.length, parts[0]!.session.log.length);
    const isKnown = this.passTime.error.passCount > 0;
    const lateAtMs = nowMs + (isKnown ? lateMs + lateFactor * predictedMs : firstLateMs);
    const requests = parts.map((part) => this.#request(part, shortTokens, part));
    this.#ask(requests, parts, { isStage: true, lateAtMs, startedAtMs: nowMs });
  }

  /** Feeds texts that a stage would take too long for, while a pass of the target runs. */
  fill(texts: readonly DraftedText[]): void {
    if (this.isOff || this.#underWay !== null) return;
    const { contextLength } = this.#model;
    const requests: DraftRequest[] = [];
    const parts: DraftedText[] = [];
    // Not too many at once: what is under way holds up the next stage.
    let left = chunkTokens;
    for (const text of texts) {
      if (text.session.words.length >= contextLength) continue;
      if (left <= 0 || this.#texts.missingCount(text) <= shortTokens) continue;
      const request = this.#request(text, left, { countMax: 1, chanceMin: 0 });
      left -= request.tokens.length;
      requests.push(request);
      parts.push(text);
    }
    const beside = { isStage: false, lateAtMs: Infinity, startedAtMs: 0 };
    if (parts.length > 0) this.#ask(requests, parts, beside);
  }

  #request(
    text: DraftedText,
    tokensMax: number,
    { countMax, chanceMin }: Pick<StagePart, 'countMax' | 'chanceMin'>,
  ): DraftRequest {
    const { scheme } = text.session.terms;
    return {
      ...this.#texts.feed(text, tokensMax),
      countMax,
      stop: { confidenceMin: 0, chanceMin, chances: this.confidences.chances },
      scheme,
      attempt: 0,
      wantConfidence: true,
    };
  }

  #ask(
    requests: readonly DraftRequest[],
    parts: readonly DraftedText[],
    times: Pick<UnderWay, 'isStage' | 'lateAtMs' | 'startedAtMs'>,
  ): void {
    const id = this.#nextId++;
    this.#draft(id, requests);
    const lengths = parts.map(({ session }) => session.log.length);
    this.#underWay = { id, parts, lengths, ...times };
  }

  /** A draft has ended well. */
  drafted(id: number, { ends, passes }: DraftEachResult, nowMs: number): void {
    const { parts, lengths, isStage, startedAtMs } = this.#arrive(id);
    this.#failuresInRow = 0;
    let computedMs = 0;
    for (const { ms, ...shape } of passes) {
      this.passTime.learn(shape, ms);
      computedMs += ms;
    }
    if (isStage && computedMs > 0) {
      const ratio = Math.max(1, Math.min(stageRatioMax, (nowMs - startedAtMs) / computedMs));
      this.#stageRatio += stageRatioStep * (ratio - this.#stageRatio);
    }
    for (const [index, part] of parts.entries()) {
      const { drafted } = ends[index]!;
      this.#texts.ended(part, ends[index]!);
      const { log, isForgotten } = part.session;
      if (!isStage || isForgotten || log.length !== lengths[index]) continue;
      const tokens = Int32Array.from(drafted, ({ token }) => token);
      const chances = drafted.map(({ confidence }) => this.confidences.chanceOf(confidence!));
      const drafts: ServerDrafts = {
        ...{ tokens, chances, sources: drafted.map(() => 'model' as const) },
        confidences: drafted.map(({ confidence }) => confidence!),
      };
      this.#proposals.set(part.session, {
        ...{ logLength: lengths[index]!, prefix: part.prefix, drafts },
      });
      this.#counters.modelDraftedCount += drafted.length;
    }
    if (isStage) this.#counters.stageCount++;
  }

  /** A draft has failed: what its sequences hold is unknown. */
  failed(id: number): void {
    const { parts } = this.#arrive(id);
    for (const { slot } of parts) this.#texts.lost(slot);
    this.#failuresInRow++;
    this.#counters.draftFailureCount++;
  }

  /** A pass has judged drafts. */
  learn({ server, draftCount }: InFlightSegment, { acceptedCount, testedCount }: Tested): void {
    server.confidences.forEach((confidence, index) => {
      const before = draftCount + index;
      if (confidence === null || before >= testedCount) return;
      this.confidences.learn(confidence, acceptedCount > before);
    });
  }

  #arrive(id: number): UnderWay {
    const underWay = this.#underWay!;
    assert(underWay?.id === id, `draft ${id} is not under way`);
    this.#underWay = null;
    return underWay;
  }

  get retainedCount(): number {
    return this.#proposals.size + (this.#underWay === null ? 0 : 1);
  }

  forget(session: Session): void {
    this.#proposals.delete(session);
  }
}

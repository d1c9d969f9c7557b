// The session that the device under test gets: a target whose text is a fixed row of tokens, so
// that every verdict is known. Judges each draft by the table of PROTOCOL.md before it verifies it.

import { pointLaw } from '../../math/law.js';
import { schemeTraits } from '../../math/scheme.js';
import { type Draft, modeTraits, type Open, type Verdict } from '../../protocol/frame.js';
import { checkScheme, checkVocabulary } from '../../protocol/session-check.js';
import type { RuleBook } from './rule-book.js';

/** Period of the text: look-ups find drafts in it. */
const period = 11;
/** Every so often another token stands there, which no look-up foresees. */
const surprise = 13;

/** @param vocabSize of the device, >= 64. */
export const scriptedToken = (position: number): number =>
  position % surprise === 0 ? 40 + (position % 7) : 50 + (position % period);

export class ScriptedSession {
  readonly open: Open;
  readonly promptLength: number;
  readonly committed: number[];
  readonly #book: RuleBook;
  readonly #vocabSize: number;
  epoch = 0;
  /** Committed length that the device was told. */
  announced: number;
  isOver = false;
  #chain: number[] = [];
  #chainFrom = 0;
  #isVoid = false;
  #hasDrafts = false;
  #isAsked = false;
  #replyCount = 0;
  /** The device's next drafts have to come in this epoch or above. */
  #epochMin = 0;
  /** A law was sent whose token has not come. */
  #isDue = false;

  constructor(open: Open, prompt: readonly number[], vocabSize: number, book: RuleBook) {
    this.open = open;
    this.promptLength = prompt.length;
    this.committed = [...prompt, ...open.answer];
    this.announced = this.committed.length;
    this.#vocabSize = vocabSize;
    this.#book = book;
  }

  get answerLength(): number {
    return this.committed.length - this.promptLength;
  }

  /** Whether a verdict is to be made now. @param isFree whether an unasked step may be. */
  wantsStep(isFree: boolean): boolean {
    if (this.isOver || this.#isDue) return false;
    if (modeTraits[this.open.mode].writesUnasked) return isFree;
    return this.#isAsked || this.#pending().length > 0;
  }

  #pending(): number[] {
    return this.#isVoid ? [] : this.#chain.slice(this.committed.length - this.#chainFrom);
  }

  draft(frame: Draft): void {
    const fault = checkScheme(frame, this.open.scheme) ?? checkVocabulary(frame, this.#vocabSize);
    this.#book.judge('drafts', fault === null, `${fault?.message}`);
    const { takesDrafts } = modeTraits[this.open.mode];
    this.#book.judge('drafts', takesDrafts, `a draft in mode ${this.open.mode}`);
    if (this.isOver) {
      this.#book.judge('end', frame.epoch <= this.epoch, 'a draft of a new epoch after the end');
      return;
    }
    if (this.#isDue && !this.#residual(frame)) return;
    this.#judgeEpoch(frame);
    if (frame.epoch < this.epoch || (frame.epoch === this.epoch && this.#isVoid)) return;
    if (frame.epoch > this.epoch) this.#beginEpoch(frame);
    this.#extend(frame);
  }

  /** Takes the token of a law. @returns false for a draft that crossed the law. */
  #residual({ residual, from, epoch }: Draft): boolean {
    if (residual === null && epoch <= this.epoch) return false;
    const position = this.committed.length;
    const isRight = residual === scriptedToken(position) && from === position + 1;
    this.#book.judge('residual', isRight, `residual ${residual} with a draft from ${from}`);
    this.#push();
    this.announced = this.committed.length;
    this.#isDue = false;
    return true;
  }

  #judgeEpoch({ epoch, from }: Draft): void {
    const isLegal = epoch >= this.epoch && epoch <= this.#replyCount;
    this.#book.judge('epochs', isLegal, `epoch ${epoch} after ${this.epoch}`);
    const isAware = this.open.mode === 'stop-and-wait' && from >= this.committed.length;
    const stays = isAware && this.#isVoid && epoch === this.epoch && this.#epochMin === 0;
    this.#book.judge('epochs', !stays, `epoch ${epoch} stays after its chain was rejected`);
    if (this.#epochMin > 0) {
      const isHigher = epoch >= this.#epochMin;
      const rule = 'epoch of a resumption';
      this.#book.judge(rule, isHigher, `epoch ${epoch}, below ${this.#epochMin}`);
      if (isHigher) this.#epochMin = 0;
    }
  }

  #beginEpoch({ epoch, from }: Draft): void {
    const { length } = this.committed;
    this.#book.judge('drafts', from <= length, `an epoch from ${from}, beyond ${length}`);
    this.epoch = epoch;
    this.#isVoid = false;
    this.#chain = [];
    this.#chainFrom = from;
  }

  #extend({ from, ids }: Draft): void {
    const { length } = this.committed;
    if (!this.#hasDrafts) this.#chainFrom = from;
    this.#hasDrafts = true;
    const end = this.#chainFrom + this.#chain.length;
    this.#book.judge('drafts', from <= Math.max(end, length), `a gap from ${end} to ${from}`);
    const out = from + ids.length - length;
    const { windowMax } = this.open;
    this.#book.judge('drafts', out <= windowMax, `${out} tokens are out, more than ${windowMax}`);
    if (from > end) [this.#chain, this.#chainFrom] = [[], from];
    for (const [index, token] of ids.entries()) {
      const at = from + index - this.#chainFrom;
      if (at < 0) continue;
      const before = this.#chain[at];
      if (before === undefined) this.#chain.push(token);
      else this.#book.judge('drafts', before === token, `two tokens at ${from + index}`);
    }
    if (ids.length === 0) this.#isAsked = true;
    this.#settle();
  }

  /** Compares the chain with what was committed meanwhile. */
  #settle(): void {
    const to = Math.min(this.committed.length, this.#chainFrom + this.#chain.length);
    for (let position = this.#chainFrom; position < to; position++) {
      if (this.#chain[position - this.#chainFrom] !== this.committed[position]) this.#isVoid = true;
    }
  }

  #push(): void {
    this.committed.push(scriptedToken(this.committed.length));
  }

  /** Verifies the drafts in line, and adds a token. */
  step(): Verdict {
    const { scheme, tokensMax } = this.open;
    const pending = this.#pending().slice(0, this.promptLength + tokensMax - this.committed.length);
    let acceptedCount = 0;
    for (const token of pending) {
      if (token !== scriptedToken(this.committed.length)) break;
      this.#push();
      acceptedCount++;
    }
    const isRejected = acceptedCount < pending.length;
    const from = this.committed.length;
    const isDrawnThere = isRejected && schemeTraits[scheme].residualBy === 'device';
    if (isRejected) this.#isVoid = true;
    if (!isDrawnThere && this.answerLength < tokensMax) this.#push();
    this.#settle();
    this.#isAsked = false;
    this.#isDue = isDrawnThere;
    this.isOver = this.answerLength >= tokensMax && !isDrawnThere;
    const law = isDrawnThere ? pointLaw(scriptedToken(from)) : null;
    return this.#verdict(from, {
      acceptedCount,
      rejectedCount: isRejected ? 1 : 0,
      law: law && { kind: 'whole', law },
    });
  }

  #verdict(from: number, told: Pick<Verdict, 'acceptedCount' | 'rejectedCount' | 'law'>): Verdict {
    this.#replyCount++;
    const { tellsSources } = modeTraits[this.open.mode];
    return {
      kind: 'verdict',
      session: this.open.session,
      epoch: this.epoch,
      from,
      tokens: Int32Array.from(this.committed.slice(from)),
      ...{ queueUs: 0, verifyUs: 1000, advisedDraftLength: null },
      end: this.isOver ? 'length' : null,
      ...{ logprobs: null, lawLogprobs: null },
      sources: tellsSources ? { deviceCount: 0, modelCount: 0, suffixCount: 0 } : null,
      ...told,
    };
  }

  /** The verdict has left. */
  told(): void {
    this.announced = this.committed.length;
  }

  /** Goes on over another connection. @returns the tokens that the device lacks. */
  resume(from: number): Int32Array {
    this.announced = this.committed.length;
    this.#replyCount++;
    this.#isVoid = true;
    this.#chain = [];
    this.#chainFrom = this.committed.length;
    this.#epochMin = this.epoch + 1;
    return Int32Array.from(this.committed.slice(from));
  }
}

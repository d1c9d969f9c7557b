// Follows one session as PROTOCOL.md asks of a device, drafting tokens that the check names, and
// checks every verdict against what a verdict promises.

import { keyedChance } from '../../math/chance.js';
import { type Law, pointLaw } from '../../math/law.js';
import { noiseKey } from '../../math/noise.js';
import { plainSampling } from '../../math/sampling.js';
import { schemeTraits } from '../../math/scheme.js';
import { residualToken } from '../../math/split.js';
import {
  type Draft,
  noPictures,
  type Open,
  type Opened,
  type Resume,
  type Resumed,
  type Verdict,
} from '../../protocol/frame.js';
import { withImages } from '../../protocol/image-spans.js';
import { tokenLogHash } from '../../protocol/token-log-hash.js';
import { expectThat } from './conformance-check.js';
import type { ProbeLine } from './probe.js';

/** Tokens of every answer. */
export const answerLength = 24;
export const probeSeed = 14n;
/** So few that log-probabilities of the likeliest tokens give the whole law. */
export const probeTopK = 20;

export const plainOpen: Open = {
  kind: 'open',
  session: 0,
  prompt: { kind: 'text', text: 'The old clock in the hall had stopped.' },
  answer: new Int32Array(0),
  sampling: { ...plainSampling, topK: probeTopK },
  seed: probeSeed,
  scheme: 'coupled',
  mode: 'stream',
  tokensMax: answerLength,
  windowMax: 16,
  cut: null,
  schema: null,
  topLogprobs: null,
  wantsHints: false,
  ...noPictures,
  padBytes: 0,
  aggregateMs: 0,
};

export const plainDraft: Draft = {
  kind: 'draft',
  session: 0,
  epoch: 0,
  from: 0,
  ids: new Int32Array(0),
  probs: null,
  laws: null,
  residual: null,
  more: false,
  chances: null,
};

interface DueResidual {
  readonly law: Law | null;
  readonly rejected: number;
}

export class ProbeSession {
  probe: ProbeLine;
  readonly open: Open;
  readonly opened: Opened;
  readonly committed: number[];
  /** Sent drafts behind the committed tokens. */
  chain: number[] = [];
  epoch = 0;
  isStale = false;
  end: Verdict['end'] = null;
  due: DueResidual | null = null;
  readonly verdicts: Verdict[] = [];
  #session: number;

  private constructor(probe: ProbeLine, open: Open, opened: Opened) {
    this.probe = probe;
    this.open = open;
    this.opened = opened;
    this.#session = open.session;
    const prompt = open.prompt.kind === 'ids' ? open.prompt.ids : opened.promptIds;
    this.committed = [...withImages(prompt, opened.images), ...open.answer];
  }

  /** @param show sends what the Open announces. */
  static async begin(
    probe: ProbeLine,
    changes: Partial<Open> = {},
    show: (probe: ProbeLine) => Promise<void> = async () => undefined,
  ): Promise<ProbeSession> {
    const open = { ...plainOpen, ...changes };
    probe.send(open);
    await show(probe);
    const opened = await probe.next('opened');
    expectThat(opened.session === open.session, `opened session ${opened.session}`);
    const { promptIds, promptLength } = opened;
    const lengths = `${promptIds.length} prompt ids for a prompt of ${promptLength}`;
    if (open.prompt.kind !== 'ids') expectThat(promptIds.length === promptLength, lengths);
    return new ProbeSession(probe, open, opened);
  }

  /** Tokens of the answer so far. */
  get answer(): number[] {
    return this.committed.slice(this.opened.promptLength);
  }

  /** Sends the next drafts of the chain, with what the scheme needs. */
  draft(ids: readonly number[]): void {
    if (this.isStale) this.epoch++;
    this.isStale = false;
    const needsSample = ids.length > 0 ? schemeTraits[this.open.scheme].needs : 'nothing';
    const residual = this.#residual();
    const from = this.committed.length + this.chain.length;
    this.probe.send({
      ...{ ...plainDraft, session: this.#session, epoch: this.epoch, from, residual },
      ids: Int32Array.from(ids),
      probs: needsSample === 'prob' ? new Float64Array(ids.length).fill(1) : null,
      laws: needsSample === 'law' ? ids.map((id) => pointLaw(id)) : null,
    });
    this.chain.push(...ids);
  }

  /** Draws and commits the token that is due under `split`. */
  #residual(): number | null {
    if (this.due === null) return null;
    const { law, rejected } = this.due;
    expectThat(law !== null, 'a cut law without its whole one');
    const key = noiseKey(this.open.seed, 'residual');
    const chance = keyedChance(key, key, this.committed.length);
    const token = residualToken(law, pointLaw(rejected), chance);
    this.committed.push(token);
    this.due = null;
    return token;
  }

  /** Takes the next verdict and checks what it promises. */
  async verdict(): Promise<Verdict> {
    const verdict = await this.probe.next('verdict');
    this.verdicts.push(verdict);
    expectThat(verdict.session === this.#session, `a verdict of session ${verdict.session}`);
    this.#commit(verdict.epoch, verdict.from, [...verdict.tokens]);
    this.end = verdict.end;
    const { law } = verdict;
    if (law !== null) {
      const rejected = this.chain[0];
      expectThat(rejected !== undefined, 'a law where no draft is left to be rejected');
      this.due = { law: law.kind === 'whole' ? law.law : null, rejected };
      this.chain = [];
      this.isStale = true;
    }
    return verdict;
  }

  #commit(epoch: number, from: number, tokens: readonly number[]): void {
    const before = this.committed.length;
    const own = from - before;
    expectThat(epoch <= this.epoch, `a verdict of epoch ${epoch}, where ${this.epoch} is newest`);
    if (own > 0) {
      const isHeld = epoch === this.epoch && own <= this.chain.length;
      expectThat(isHeld, `a verdict from ${from} builds on drafts that were not sent`);
    }
    const held = this.committed.slice(from, before);
    const isSame = held.every((token, index) => tokens[index] === token);
    expectThat(isSame, `a verdict from ${from} contradicts committed tokens`);
    const fresh = [...this.chain.slice(0, Math.max(0, own)), ...tokens.slice(Math.max(0, -own))];
    const isKept = fresh.every(
      (token, index) => index >= this.chain.length || this.chain[index] === token,
    );
    this.committed.push(...fresh);
    if (!isKept) this.isStale = true;
    this.chain = isKept ? this.chain.slice(fresh.length) : [];
  }

  /** The Resume for another connection. */
  resumption(session = 0, changes: Partial<Resume> = {}): Resume {
    return {
      kind: 'resume',
      session,
      resumeKey: this.opened.resumeKey,
      committedLength: this.committed.length,
      logHash: tokenLogHash(Int32Array.from(this.committed)),
      ...changes,
    };
  }

  /** Goes on over another connection. */
  async resume(probe: ProbeLine, session = 0): Promise<Resumed> {
    this.probe = probe;
    this.#session = session;
    const { length } = this.committed;
    probe.send(this.resumption(session));
    const resumed = await probe.next('resumed');
    expectThat(resumed.from === length, `resumed from ${resumed.from}, not from ${length}`);
    this.committed.push(...resumed.tokens);
    this.chain = [];
    this.epoch = Math.max(this.epoch, resumed.epoch) + 1;
    this.isStale = false;
    return resumed;
  }
}

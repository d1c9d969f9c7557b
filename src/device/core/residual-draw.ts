// Draws the residual token on the device after a rejection under `split`. Keeps it until the server
// has it, so that a repeated verdict gets the same reply. Source: DSSD, arXiv 2507.12000, algorithm
// 2; cut laws: math/cut-law.ts.

import { assert } from '../../base/assert.js';
import { type Chance, keyedChance } from '../../math/chance.js';
import { type CutLaw, checkWhole, residualFromCut, residualFromWhole } from '../../math/cut-law.js';
import type { Law } from '../../math/law.js';
import type { LawLogprobs, TokenLogprobs } from '../../math/logprobs.js';
import { noiseKey } from '../../math/noise.js';
import { residualToken } from '../../math/split.js';
import type { SentLaw } from '../../protocol/frame.js';

export class ResidualDraw {
  readonly position: number;
  /** Whether a frame of the present wire has carried the token. */
  isSent = false;
  readonly #draftLaw: Law;
  readonly #chance: Chance;
  #cut: CutLaw | null = null;
  #token: number | null = null;
  #logprobs: TokenLogprobs | null = null;

  /** @param draftLaw the law that the rejected draft at `position` was drawn from. */
  constructor(position: number, draftLaw: Law, seed: bigint) {
    this.position = position;
    this.#draftLaw = draftLaw;
    const key = noiseKey(seed, 'residual');
    this.#chance = keyedChance(key, key, position);
  }

  /** Null while the whole law is needed. */
  get token(): number | null {
    return this.#token;
  }

  /** Whether the token still waits for the whole law. */
  get isOpen(): boolean {
    return this.#token === null;
  }

  /** Log-probabilities of the token, where the law came with them. */
  get logprobs(): TokenLogprobs | null {
    return this.#logprobs;
  }

  /** Draws, or finds that the cut does not suffice. @param logprobs of what was sent, or null. */
  draw(sent: SentLaw, logprobs: LawLogprobs | null): void {
    assert(this.#cut === null && this.#token === null, 'a residual token is drawn once');
    if (sent.kind === 'whole') {
      this.#settle(residualToken(sent.law, this.#draftLaw, this.#chance), sent.law, logprobs);
      return;
    }
    this.#cut = sent.cut;
    const drawn = residualFromCut(sent.cut, this.#draftLaw, this.#chance);
    if (drawn.kind === 'token') this.#settle(drawn.token, sent.cut, logprobs);
  }

  #settle(token: number, law: Law | CutLaw, said: LawLogprobs | null): void {
    this.#token = token;
    if (said === null) return;
    const index = 'ids' in law ? law.ids.indexOf(token) : token;
    this.#logprobs = { logprob: said.logprobs[index]!, top: said.top };
  }

  /** Finishes with the whole law and its logprobs. @returns what is wrong with it, or null. */
  complete(law: Law, logprobs: LawLogprobs | null): string | null {
    if (this.#cut === null || this.#token !== null) return null;
    const fault = checkWhole(this.#cut, law);
    if (fault !== null) return fault;
    const token = residualFromWhole(this.#cut, law, this.#draftLaw, this.#chance);
    this.#settle(token, law, logprobs);
    return null;
  }
}

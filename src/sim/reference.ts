// Computes what the target alone makes of a request: its text where seed and prefix decide, its law
// elsewhere. Starts from scratch, without sessions, shared slots or drafts, so that it can check
// all of them.

import { assert, InvariantError, unreachable } from '../base/assert.js';
import { slotId } from '../base/brand.js';
import type { GenerateRequest } from '../device/core/event.js';
import { referenceRowMath } from '../engine/row-math.js';
import { scriptedDefaults } from '../engine/scripted-engine.js';
import { ScriptedModel } from '../engine/scripted-model.js';
import { agreementToken } from '../math/agreement.js';
import { keyedChance } from '../math/chance.js';
import { TokenHistory } from '../math/history.js';
import type { Law } from '../math/law.js';
import { noiseKey } from '../math/noise.js';
import { usesHistory } from '../math/sampling.js';
import { toyVocabulary } from './toy.js';

/** Computes rows of the target behind any prefix of one request, one token at a time. */
export class TargetReader {
  readonly request: GenerateRequest;
  readonly prompt: Int32Array;
  readonly #model: ScriptedModel;
  readonly #math = referenceRowMath(toyVocabulary.size);
  readonly #prefix: number[] = [];
  readonly #race;
  readonly #accept;
  readonly #target;

  constructor(request: GenerateRequest, contextLength: number) {
    assert(request.prompt.kind === 'ids', 'simulated prompts are ids');
    this.request = request;
    this.prompt = request.prompt.ids;
    this.#model = new ScriptedModel({ ...scriptedDefaults, slotCount: 1, contextLength });
    this.#race = noiseKey(request.seed, 'race');
    this.#accept = noiseKey(request.seed, 'accept');
    this.#target = noiseKey(request.seed, 'target');
  }

  /** The target law behind a prefix. @param prefix [n >= 1], prompt included. */
  lawAfter(prefix: readonly number[]): Law {
    this.#load(prefix);
    return this.#math.law(this.request.sampling);
  }

  /** The token behind a prefix under `greedy`, `coupled` and `agreement`. */
  tokenAfter(prefix: readonly number[]): number {
    const { scheme, sampling } = this.request;
    this.#load(prefix);
    switch (scheme) {
      case 'greedy':
        return this.#math.argmax();
      case 'coupled':
        return this.#math.coupledToken(sampling, this.#race, prefix.length);
      case 'agreement':
        return agreementToken(this.#math.law(sampling), this.chanceAt(prefix.length));
      case 'split':
      case 'full':
        throw new InvariantError(`under ${scheme} the text depends on the drafts`);
      default:
        return unreachable(scheme);
    }
  }

  /** The server's chance at a position. */
  chanceAt(position: number) {
    return keyedChance(this.#accept, this.#target, position);
  }

  #load(prefix: readonly number[]): void {
    let shared = 0;
    while (shared < this.#prefix.length && this.#prefix[shared] === prefix[shared]) shared++;
    // The row behind the last token has to be computed anew.
    const from = Math.min(shared, prefix.length - 1);
    this.#model.truncate(0, from);
    this.#prefix.length = from;
    const tokens = Int32Array.from(prefix.slice(from));
    this.#model.feed([{ slot: slotId(0), from, tokens, rowCount: 1 }]);
    this.#prefix.push(...tokens);
    const { sampling } = this.request;
    const history = usesHistory(sampling) ? this.#historyOf(prefix) : null;
    this.#math.load(this.#model.row(0), sampling, history, null);
  }

  #historyOf(prefix: readonly number[]): TokenHistory {
    const history = new TokenHistory();
    prefix.forEach((token, position) => {
      history.push(token, position >= this.prompt.length);
    });
    return history;
  }
}

/** Computes the whole answer, for schemes under which it depends on nothing else. */
export function targetText(request: GenerateRequest, contextLength: number): Int32Array {
  const reader = new TargetReader(request, contextLength);
  const text = [...reader.prompt];
  const end = Math.min(text.length + request.tokensMax, contextLength);
  while (text.length < end) {
    const token = reader.tokenAfter(text);
    text.push(token);
    if (toyVocabulary.endOfText.has(token)) break;
  }
  return Int32Array.from(text.slice(reader.prompt.length));
}

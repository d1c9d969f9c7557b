// How good an early exit's hints are: whether its surest candidate is the token that the pass then commits, and whether
// it comes true as often as its confidence says. Counted in real rounds; nothing is estimated from laws.

import type { Engine, ExitHint, Outcome } from '../../src/engine/engine.js';
import { speculate } from '../../src/engine/local/speculate.js';
import type { AcceptanceCase, AcceptanceSize } from './model-acceptance.js';

export interface HintTally {
  readonly hints: number;
  /** Share of hints whose accepted count is the outcome's. */
  readonly countShare: number;
  /** Share whose accepted count and surest candidate are the outcome's. */
  readonly firstShare: number;
  /** Share whose accepted count, and any candidate, are. */
  readonly anyShare: number;
  /** Mean confidence of the surest candidates; equal to `firstShare` for a calibrated exit. */
  readonly meanConfidence: number;
  /** Mean distance of confidence from what came true, over tenths of confidence weighted by their hints. */
  readonly calibrationError: number;
}

const binCount = 10;

/** Collects hints with their outcomes. */
class Tally {
  #hints = 0;
  #counts = 0;
  #firsts = 0;
  #anys = 0;
  readonly #confidence = new Float64Array(binCount);
  readonly #came = new Float64Array(binCount);

  add({ acceptedCount, candidates, confidences }: ExitHint, outcome: Outcome): void {
    const { final } = outcome;
    if (!final || final.kind === 'law') return;
    const confidence = confidences[0]!;
    const isCount = acceptedCount === outcome.acceptedCount;
    const isFirst = isCount && candidates[0] === final.token;
    const bin = Math.min(binCount - 1, Math.floor(confidence * binCount));
    this.#hints++;
    this.#counts += Number(isCount);
    this.#firsts += Number(isFirst);
    this.#anys += Number(isCount && candidates.includes(final.token));
    this.#confidence[bin]! += confidence;
    this.#came[bin]! += Number(isFirst);
  }

  result(): HintTally {
    const share = (count: number): number => count / this.#hints;
    const gaps = this.#came.map((came, bin) => Math.abs(came - this.#confidence[bin]!));
    const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);
    return {
      hints: this.#hints,
      countShare: share(this.#counts),
      firstShare: share(this.#firsts),
      anyShare: share(this.#anys),
      meanConfidence: share(sum(this.#confidence)),
      calibrationError: share(sum(gaps)),
    };
  }
}

/**
 * Writes the texts of `size` and compares each hint with its outcome.
 *
 * @param target an engine with an exit.
 * @param draft null for one token a pass: then the outcome is the target's next token.
 */
export async function tallyHints(
  target: Engine,
  draft: Engine | null,
  { scheme, sampling }: AcceptanceCase,
  { prompts, tokensMax, draftLength }: AcceptanceSize,
): Promise<HintTally> {
  const tally = new Tally();
  const watched = watch(target, tally);
  for (const [index, text] of prompts.entries()) {
    const request = {
      prompt: target.info.vocabulary.tokenize(text, { addBos: true, parseSpecial: false }),
      tokensMax,
      scheme,
      sampling,
      seed: BigInt(index),
      draftLength: draft ? draftLength : 0,
      confidenceMin: 0,
    };
    for await (const _ of speculate(watched, draft, request));
  }
  return tally.result();
}

/** The engine with every pass asked for hints. */
function watch(engine: Engine, tally: Tally): Engine {
  const { info, open, truncate, copyPrefix, save, restore } = engine;
  return {
    info,
    open,
    truncate,
    copyPrefix,
    save,
    restore,
    draft: (request, onToken) => engine.draft(request, onToken),
    draftEach: (steps) => engine.draftEach(steps),
    close: () => engine.close(),
    async pass(segments) {
      const hints: ExitHint[] = [];
      const result = await engine.pass(segments, (some) => hints.push(...some));
      for (const hint of hints) {
        tally.add(hint, result.outcomes.find(({ slot }) => slot === hint.slot)!);
      }
      return result;
    },
  };
}

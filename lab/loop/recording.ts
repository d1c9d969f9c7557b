// What a target writes and what a draft model proposes at each place of that text, computed once. Under greedy and
// coupled a proposal depends on the seed and the committed text alone, so a device that replays it is accepted exactly
// where the draft model would be, and costs no processor time: sixteen devices fit beside the server that is measured.

import { slotId } from '../../src/base/brand.js';
import type { Alternatives, Engine, SlotConfig } from '../../src/engine/engine.js';
import type { Sampling } from '../../src/math/sampling.js';

/** Schemes in which the draft of a position is a function of seed and text. */
export type ReplayScheme = 'greedy' | 'coupled';

export interface Recording {
  readonly prompt: Int32Array;
  readonly seed: bigint;
  /** [n] the target's own text. */
  readonly text: Int32Array;
  /** [n] what the draft model proposes where the prompt and text before it are committed. */
  readonly proposals: Int32Array;
  /** [n] of the proposals; undefined where none were asked for. */
  readonly runnersUp: readonly (Alternatives | undefined)[];
}

export interface RecordingJob {
  readonly prompt: Int32Array;
  readonly seed: bigint;
  readonly scheme: ReplayScheme;
  readonly sampling: Sampling;
  /** Tokens to write; an end of text must be biased away, or the text stops being the target's there. */
  readonly tokenCount: number;
  /** See DraftRequest.alternativesMax. Absent: none. */
  readonly runnersUpMax?: number;
}

/** @param target and draft speak one vocabulary; slot 0 of both is used. */
export async function record(target: Engine, draft: Engine, job: RecordingJob): Promise<Recording> {
  const { prompt, seed } = job;
  const text = await write(target, job);
  return { prompt, seed, text, ...(await propose(draft, job, text)) };
}

const slot = slotId(0);

const configOf = ({ sampling, seed, prompt }: RecordingJob): SlotConfig => ({
  sampling,
  seed,
  promptLength: prompt.length,
});

async function write(target: Engine, job: RecordingJob): Promise<Int32Array> {
  const { prompt, scheme, tokenCount } = job;
  const text = new Int32Array(tokenCount);
  await target.open(slot, configOf(job));
  let from = 0;
  let tokens = prompt;
  for (let index = 0; index < tokenCount; index++) {
    const judge = { scheme, draftCount: 0 };
    const { outcomes } = await target.pass([{ slot, from, tokens, judge }]);
    const { final, length } = outcomes[0]!;
    if (final === null || final.kind === 'law') throw new Error(`${scheme} left no token`);
    text[index] = final.token;
    from = length;
    tokens = Int32Array.of(final.token);
  }
  return text;
}

async function propose(
  draft: Engine,
  job: RecordingJob,
  text: Int32Array,
): Promise<Pick<Recording, 'proposals' | 'runnersUp'>> {
  const { prompt, scheme, runnersUpMax = 0 } = job;
  const proposals = new Int32Array(text.length);
  const runnersUp: (Alternatives | undefined)[] = [];
  await draft.open(slot, configOf(job));
  let from = 0;
  let tokens = prompt;
  for (let index = 0; index < text.length; index++) {
    const stop = { confidenceMin: 0 };
    const request = { slot, from, tokens, countMax: 1, stop, scheme, attempt: 0 };
    const wanted = { wantConfidence: false, alternativesMax: runnersUpMax };
    const end = await draft.draft({ ...request, ...wanted }).done;
    const { token, alternatives } = end.drafted[0]!;
    proposals[index] = token;
    runnersUp.push(alternatives);
    from = end.length;
    tokens = text.slice(index, index + 1);
  }
  return { proposals, runnersUp };
}

/** Share of the proposals that are the target's own token: acceptance without any chain. */
export function agreementRate({ text, proposals }: Recording): number {
  return text.filter((token, index) => token === proposals[index]).length / text.length;
}

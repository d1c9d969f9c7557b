// Records what a target writes and what a draft model proposes at each place. Under greedy and
// coupled a device that replays it is accepted where the draft would be, at no processor time.

import { slotId } from '../../src/base/brand.js';
import type { Alternatives, Engine } from '../../src/engine/engine.js';
import { speculate } from '../../src/engine/local/speculate.js';
import type { Sampling } from '../../src/math/sampling.js';

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

interface RecordingJob {
  readonly prompt: Int32Array;
  readonly seed: bigint;
  /** Those in which the draft of a position is a function of seed and text. */
  readonly scheme: 'greedy' | 'coupled';
  readonly sampling: Sampling;
  /** An end of text must be biased away: behind it the text is not the target's. */
  readonly tokenCount: number;
  /** See DraftRequest.alternativesMax. Default: none. */
  readonly runnersUpMax?: number;
}

/** @param target and draft speak one vocabulary; slot 0 of both is used. */
export async function record(target: Engine, draft: Engine, job: RecordingJob): Promise<Recording> {
  const { prompt, seed } = job;
  const text = await write(target, job);
  return { prompt, seed, text, ...(await propose(draft, job, text)) };
}

async function write(target: Engine, job: RecordingJob): Promise<Int32Array> {
  const { tokenCount: tokensMax, runnersUpMax: _, ...asked } = job;
  const request = { ...asked, tokensMax, draftLength: 0, confidenceMin: 0 };
  const text: number[] = [];
  for await (const { tokens } of speculate(target, null, request)) text.push(...tokens);
  return Int32Array.from(text);
}

async function propose(
  draft: Engine,
  { prompt, seed, scheme, sampling, runnersUpMax = 0 }: RecordingJob,
  text: Int32Array,
): Promise<Pick<Recording, 'proposals' | 'runnersUp'>> {
  const slot = slotId(0);
  const proposals = new Int32Array(text.length);
  const runnersUp: (Alternatives | undefined)[] = [];
  await draft.open(slot, { sampling, seed, promptLength: prompt.length });
  let from = 0;
  let tokens = prompt;
  for (let index = 0; index < text.length; index++) {
    const request = { slot, from, tokens, countMax: 1, stop: { confidenceMin: 0 }, scheme };
    const wanted = { attempt: 0, wantConfidence: false, alternativesMax: runnersUpMax };
    const end = await draft.draft({ ...request, ...wanted }).done;
    const { token, alternatives } = end.drafted[0]!;
    proposals[index] = token;
    runnersUp.push(alternatives);
    from = end.length;
    tokens = text.slice(index, index + 1);
  }
  return { proposals, runnersUp };
}

/** [n] whether each proposal is the target's own token. */
export const matchesOf = ({ text, proposals }: Recording): boolean[] =>
  Array.from(text, (token, index) => token === proposals[index]);

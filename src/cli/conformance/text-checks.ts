// Checks of the texts that a server writes: the same in every mode where a scheme promises it, from
// drafts that are partly wrong, and under `coupled` the winners of the shared noise.

import { raceWinner } from '../../math/coupled.js';
import { sparseLaw } from '../../math/law.js';
import { exponential, noiseKey } from '../../math/noise.js';
import { schemeTraits } from '../../math/scheme.js';
import {
  isOffered,
  type Mode,
  modes,
  modeTraits,
  type Scheme,
  schemes,
} from '../../protocol/frame.js';
import { openingOf, type ServerBench } from './bench.js';
import { type ConformanceCheck, expectThat, needs } from './conformance-check.js';
import { ProbeSession, probeSeed } from './probe-session.js';

/** Every how many drafts one is wrong. */
const wrongEvery = 3;

/**
 * The next drafts of a device that knows the text, but for every third token.
 *
 * @param text of the answer. @param from index in it.
 */
export function likelyDrafts(
  text: readonly number[],
  from: number,
  count: number,
  vocabSize: number,
): number[] {
  return text
    .slice(from, from + count)
    .map((token, index) => ((from + index) % wrongEvery === 2 ? (token + 1) % vocabSize : token));
}

/** Writes an answer in a mode, with drafts. */
async function write(bench: ServerBench, scheme: Scheme, mode: Mode): Promise<ProbeSession> {
  const text = await bench.text(scheme);
  const { vocabSize } = await bench.welcome();
  const session = await ProbeSession.begin(await bench.greeted(), { ...openingOf(scheme), mode });
  const { takesDrafts, writesUnasked } = modeTraits[mode];
  const step = mode === 'stop-and-wait' ? 4 : 2;
  while (session.end === null) {
    const { chain, answer } = session;
    const isFree = takesDrafts && (mode !== 'stop-and-wait' || chain.length === 0);
    // Under a ratio scheme one frame is out at a time: a bonus token would contradict the next.
    const frames = schemeTraits[scheme].test === 'equality' && mode !== 'stop-and-wait' ? 3 : 1;
    for (let sent = 0; isFree && sent < frames && session.chain.length < 6; sent++) {
      const from = answer.length + session.chain.length + (session.due === null ? 0 : 1);
      const ids = likelyDrafts(text, from, step, vocabSize);
      if (ids.length > 0 || (!writesUnasked && session.chain.length === 0)) session.draft(ids);
      if (ids.length === 0) break;
    }
    await session.verdict();
  }
  return session;
}

const textCheck = (scheme: Scheme, mode: Mode): ConformanceCheck<ServerBench> => ({
  name: `text ${scheme} ${mode}`,
  rule:
    schemeTraits[scheme].test === 'equality'
      ? 'the text is that of mode stream, whatever is drafted'
      : 'drafts are verified, and the text goes on to its end',
  async run(bench) {
    await bench.offers(scheme, mode);
    const session = await write(bench, scheme, mode);
    const { length } = session.answer;
    expectThat(session.end !== 'length' || length === session.open.tokensMax, `${length} tokens`);
    if (modeTraits[mode].takesDrafts && !modeTraits[mode].writesUnasked) {
      const accepted = session.verdicts.some(({ acceptedCount }) => acceptedCount > 0);
      expectThat(accepted, 'no draft was accepted');
    }
    if (schemeTraits[scheme].test === 'ratio') return;
    const text = await bench.text(scheme);
    const differs = text.findIndex((token, index) => session.answer[index] !== token);
    expectThat(differs < 0, `token ${differs} differs from mode stream`);
    expectThat(length === text.length, `${length} tokens, ${text.length} in mode stream`);
  },
});

/** The law of probeTopK tokens at temperature 1 follows from their log-probabilities. */
const noiseCheck: ConformanceCheck<ServerBench> = {
  name: 'shared noise',
  rule: 'under coupled each token is the winner of the race of MATH.md',
  async run(bench) {
    await bench.offers('coupled', 'stream');
    const { version } = await bench.welcome();
    needs(version >= 2, `version ${version} has no log-probabilities`);
    const asked = { ...openingOf('coupled'), topLogprobs: 20 };
    const session = await ProbeSession.begin(await bench.greeted(), asked);
    while (session.end === null) await session.verdict();
    const told = session.verdicts.flatMap(({ logprobs }) => logprobs ?? []);
    const { answer, opened } = session;
    expectThat(told.length === answer.length, `${told.length} entries for ${answer.length} tokens`);
    const key = noiseKey(probeSeed, 'race');
    for (const [index, { top }] of told.entries()) {
      const ids = Int32Array.from(top, ({ token }) => token);
      const law = sparseLaw(
        ids,
        Float64Array.from(top, ({ logprob }) => Math.exp(logprob)),
      );
      const position = opened.promptLength + index;
      const winner = raceWinner(law, (token) => exponential(key, position, token));
      expectThat(winner === answer[index], `${answer[index]} at ${position}, ${winner} wins`);
    }
  },
};

const sourcesCheck: ConformanceCheck<ServerBench> = {
  name: 'sources',
  rule: 'in auto verdicts count no more drafted tokens than they commit',
  async run(bench) {
    await bench.offers('coupled', 'auto');
    const session = await write(bench, 'coupled', 'auto');
    let drafted = 0;
    for (const { sources } of session.verdicts) {
      expectThat(sources !== null, 'a verdict without sources');
      drafted += sources.deviceCount + sources.modelCount + sources.suffixCount;
    }
    const { length } = session.answer;
    expectThat(drafted <= length, `${drafted} drafted tokens of ${length}`);
  },
};

export const textChecks: readonly ConformanceCheck<ServerBench>[] = [
  noiseCheck,
  ...schemes.flatMap((scheme) =>
    modes.filter((mode) => isOffered(scheme, mode)).map((mode) => textCheck(scheme, mode)),
  ),
  sourcesCheck,
];

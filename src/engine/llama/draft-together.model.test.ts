// Tests a draft model beside its target, as on a server: four texts that draft in shared passes and
// roll back what the target rejects. Deterministic, so that all can be compared to the bit.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { slotId } from '../../base/brand.js';
import { storyPrompts } from '../../cli/demo/openings.js';
import { plainSampling, type Sampling } from '../../math/sampling.js';
import type { DraftPass, DraftRequest, DraftStop, Engine, SlotConfig } from '../engine.js';
import { loadLlamaEngine } from './index.js';

const textCount = 4;
const answerLength = 40;

const load = (name: string): Promise<Engine> =>
  loadLlamaEngine({
    modelPath: fileURLToPath(new URL(`../../../../models/${name}`, import.meta.url)),
    ...{ slotCount: textCount, contextLength: 128, passTokensMax: 16, passRowsMax: 12 },
    ...{ threads: 1, probe: false, deterministic: true },
  });

interface Case {
  readonly scheme: 'greedy' | 'coupled';
  readonly sampling: Sampling;
  readonly countMax: readonly number[];
  readonly stop: DraftStop;
}

const cases: readonly Case[] = (['greedy', 'coupled'] as const).flatMap((scheme) => {
  const sampling = { ...plainSampling, temperature: scheme === 'greedy' ? 0 : 0.8, topK: 40 };
  return [
    { scheme, sampling, countMax: [1, 2, 3, 4], stop: { confidenceMin: 0 } },
    { scheme, sampling, countMax: [8, 8, 8, 8], stop: { confidenceMin: 0, chanceMin: 0.4 } },
    { scheme, sampling, countMax: [4, 8, 4, 8], stop: { confidenceMin: 0.5, chanceMin: 0.1 } },
  ];
});

describe('drafts in shared passes on the bundled pair', () => {
  let target: Engine;
  /** Of one model: one drafts all texts together, the other one text after another. */
  let sharing: Engine;
  let lone: Engine;
  before(async () => {
    target = await load('stories-target-q8_0.gguf');
    sharing = await load('stories-draft-q8_0.gguf');
    lone = await load('stories-draft-q8_0.gguf');
  });
  after(() => Promise.all([target, sharing, lone].map((engine) => engine.close())));

  const promptOf = (index: number): number[] => [
    ...target.info.vocabulary.tokenize(storyPrompts[index]!, { addBos: true, parseSpecial: false }),
  ];

  const configOf = ({ sampling }: Case, index: number): SlotConfig => {
    const ends = [...target.info.vocabulary.endOfText];
    const logitBias = new Map(ends.map((id) => [id, -Infinity]));
    const promptLength = promptOf(index).length;
    return { sampling: { ...sampling, logitBias }, seed: BigInt(index), promptLength };
  };

  /** Missing tokens, and the tokens that the text and the cache of a slot share. */
  const toFeed = (text: readonly number[], held: readonly number[]) => {
    let from = 0;
    while (from < text.length - 1 && text[from] === held[from]) from++;
    return { from, tokens: Int32Array.from(text.slice(from)) };
  };

  async function openTexts(asked: Case): Promise<number[][]> {
    const texts = Array.from({ length: textCount }, (_, index) => promptOf(index));
    for (const [index, text] of texts.entries()) {
      const slot = slotId(index);
      await target.open(slot, configOf(asked, index));
      for (let from = 0; from < text.length - 1; from += target.info.passTokensMax) {
        const tokens = Int32Array.from(text.slice(from, -1)).subarray(0, target.info.passTokensMax);
        await target.pass([{ slot, from, tokens, judge: null }]);
      }
    }
    return texts;
  }

  /** Judges drafts of one text, and appends what the target has made of them. */
  async function judgeDrafts(index: number, text: number[], drafts: readonly number[], by: Case) {
    const from = text.length - 1;
    const tokens = Int32Array.of(text[from]!, ...drafts);
    const judge = { scheme: by.scheme, draftCount: drafts.length };
    const { outcomes } = await target.pass([{ slot: slotId(index), from, tokens, judge }]);
    const { acceptedCount, final } = outcomes[0]!;
    assert.ok(final && final.kind !== 'law');
    text.push(...drafts.slice(0, acceptedCount), final.token);
    return acceptedCount < drafts.length;
  }

  const writeAlone = async (asked: Case): Promise<number[][]> => {
    const texts = await openTexts(asked);
    for (const [index, text] of texts.entries()) {
      const length = text.length + answerLength;
      while (text.length < length) await judgeDrafts(index, text, [], asked);
    }
    return texts;
  };

  /** One round: drafts on all texts, compared with drafts on each. */
  async function draftRound(requests: readonly DraftRequest[]) {
    const { ends, passes } = await sharing.draftEach(requests);
    for (const [index, request] of requests.entries()) {
      assert.deepEqual(ends[index], await lone.draft(request).done);
    }
    return { ends, passes };
  }

  for (const asked of cases) {
    const { scheme, stop } = asked;
    const name = `${scheme}, at most ${asked.countMax} tokens, ${JSON.stringify(stop)}`;
    it(`draft what each slot drafts alone, and write the target's text: ${name}`, async () => {
      const plain = await writeAlone(asked);
      const texts = await openTexts(asked);
      const lengths = texts.map(({ length }) => length + answerLength);
      const helds: number[][] = texts.map(() => []);
      const passes: DraftPass[] = [];
      let [drafted, rejections, stops] = [0, 0, 0];
      while (texts.some(({ length }, index) => length < lengths[index]!)) {
        const open = [...texts.keys()].filter((index) => texts[index]!.length < lengths[index]!);
        const requests = open.map((index): DraftRequest => {
          const slot = slotId(index);
          const fed = toFeed(texts[index]!, helds[index]!);
          const config = fed.from === 0 ? { config: configOf(asked, index) } : {};
          const rest = { countMax: asked.countMax[index]!, stop, scheme, attempt: 0 };
          return { slot, ...fed, ...config, ...rest, wantConfidence: true };
        });
        const round = await draftRound(requests);
        passes.push(...round.passes);
        for (const [at, index] of open.entries()) {
          const end = round.ends[at]!;
          const drafts = end.drafted.map(({ token }) => token);
          helds[index] = [...texts[index]!, ...drafts].slice(0, end.length);
          drafted += drafts.length;
          if (end.reason === 'confidence') stops++;
          if (await judgeDrafts(index, texts[index]!, drafts, asked)) rejections++;
        }
      }
      for (const [index, text] of texts.entries()) {
        assert.deepEqual(text.slice(0, lengths[index]), plain[index]);
      }
      assert.ok(rejections >= 10, `${rejections} rollbacks`);
      if (stop.chanceMin) assert.ok(stops >= 10, `${stops} early stops`);
      assert.ok(passes.length < drafted, `${passes.length} passes for ${drafted} drafts`);
    });
  }
});

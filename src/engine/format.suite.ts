// Tests what an engine promises about formats, over each implementation: any text under a schema
// satisfies it, under every scheme, drafted or stepped, and a draft that breaks the schema is
// rejected.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { slotId } from '../base/brand.js';
import { PilotfishError } from '../base/error.js';
import { GrammarCache } from '../grammar/grammar-cache.js';
import { probOf } from '../math/law.js';
import { plainSampling, type Sampling } from '../math/sampling.js';
import { type Scheme, schemes } from '../math/scheme.js';
import { isAllowed } from '../math/token-mask.js';
import type { Engine, Judge, SlotConfig } from './engine.js';
import { judgeDrafts } from './judge-drafts.js';
import { prefill } from './prefill.js';
import { detokenize } from './text-stream.js';

const [target, drafter] = [slotId(0), slotId(1)];
/** Written by both vocabularies, short, with choices, and with characters of several tokens. */
const schema = {
  type: 'array',
  items: {
    type: 'object',
    properties: { a: { type: 'string', maxLength: 3 }, aa: { enum: [1, 11, null] } },
    required: ['aa'],
    additionalProperties: false,
  },
  minItems: 1,
  maxItems: 2,
};
const schemaText = JSON.stringify(schema);

interface Item {
  readonly a?: string;
  readonly aa: number;
}

/** An independent check of the schema. */
function satisfies(text: string): boolean {
  const items = JSON.parse(text) as readonly Item[];
  return (
    items.length >= 1 &&
    items.length <= 2 &&
    items.every(({ a = '', aa, ...rest }) => {
      const isOther = Object.keys(rest).length > 0;
      return !isOther && [...a].length <= 3 && [1, 11, null].includes(aa);
    })
  );
}

/**
 * @param make an engine with at least 2 slots of 256 tokens: a model may write much white space.
 */
export function formatContract(name: string, make: () => Promise<Engine>): void {
  describe(`formats: ${name}`, () => {
    let engine: Engine;
    let prompt: Int32Array;

    before(async () => {
      engine = await make();
      prompt = engine.info.vocabulary.tokenize('a a', { addBos: true, parseSpecial: false });
    });
    after(() => engine.close());

    const configOf = (sampling: Partial<Sampling>, seed: bigint): SlotConfig => ({
      sampling: { ...plainSampling, ...sampling },
      seed,
      promptLength: prompt.length,
      schema: schemaText,
    });

    const textOf = (tokens: readonly number[]): string => {
      const { endOfText } = engine.info.vocabulary;
      assert.ok(endOfText.has(tokens.at(-1)!), `no end after ${tokens.length} tokens`);
      return new TextDecoder('utf-8', { fatal: true }).decode(
        Uint8Array.from(
          tokens.slice(0, -1).flatMap((token) => [...engine.info.vocabulary.tokenBytes(token)]),
        ),
      );
    };

    /** A whole answer, by rounds of `draftLength` drafts. */
    async function write(
      scheme: Scheme,
      config: SlotConfig,
      draftLength: number,
    ): Promise<number[]> {
      const text = [...prompt];
      const { endOfText } = engine.info.vocabulary;
      await engine.open(target, config);
      await engine.open(drafter, config);
      await prefill(engine, target, 0, prompt.subarray(0, -1));
      for (let attempt = 0; text.length + draftLength < engine.info.contextLength; attempt++) {
        const from = text.length - 1;
        const drafts =
          draftLength === 0 ? [] : await draftAfter(text, scheme, draftLength, attempt);
        const tokens = Int32Array.of(text.at(-1)!, ...drafts.map(({ token }) => token));
        const judge = judgeDrafts(scheme, drafts);
        const { outcomes } = await engine.pass([{ slot: target, from, tokens, judge }]);
        const { acceptedCount, final } = outcomes[0]!;
        assert.ok(final !== null);
        // The law of a rejection under `split`: its likeliest token is one that it may give.
        const last = final.kind === 'law' ? likeliest(final.law) : final.token;
        for (const token of [...tokens.slice(1, 1 + acceptedCount), last]) {
          text.push(token);
          if (endOfText.has(token)) return text.slice(prompt.length);
        }
      }
      assert.fail(`no end: ${detokenize(engine.info.vocabulary, text.slice(prompt.length))}`);
    }

    async function draftAfter(
      text: readonly number[],
      scheme: Scheme,
      countMax: number,
      attempt: number,
    ) {
      await engine.truncate(drafter, 0);
      const { drafted } = await engine.draft({
        slot: drafter,
        from: 0,
        tokens: Int32Array.from(text),
        countMax,
        stop: { confidenceMin: 0 },
        scheme,
        attempt,
        wantConfidence: false,
      }).done;
      return drafted;
    }

    for (const scheme of schemes) {
      it(`are satisfied by every answer under ${scheme}, with drafts and without`, async () => {
        for (const seed of [1n, 2n, 3n]) {
          const temperature = scheme === 'greedy' ? 0 : 1;
          const config = configOf({ temperature, ...(seed === 3n && { topK: 3 }) }, seed);
          const drafted = await write(scheme, config, 4);
          assert.ok(satisfies(textOf(drafted)), textOf(drafted));
          if (scheme !== 'coupled' && scheme !== 'greedy') continue;
          assert.deepEqual(await write(scheme, config, 0), drafted);
        }
      });
    }

    it('give no chance to a token that the schema forbids, and the end one only where it is complete', async () => {
      const grammar = new GrammarCache(engine.info.vocabulary).grammarOf(schemaText);
      const { vocabulary } = engine.info;
      const config = configOf({}, 4n);
      const text = await write('coupled', config, 0);
      await engine.open(drafter, config);
      let state = grammar.start;
      const tokens = [...prompt];
      for (const next of text) {
        const [row] = await draftAfter(tokens, 'full', 1, 0);
        const mask = grammar.mask(state);
        for (let token = 0; token < vocabulary.size; token++) {
          if (!isAllowed(mask, token)) assert.equal(probOf(row!.law!, token), 0);
        }
        tokens.push(next);
        state = grammar.advance(state, next);
      }
    });

    it('reject a draft that breaks them, wherever it stands', async () => {
      const config = configOf({ temperature: 0 }, 5n);
      const text = await write('greedy', config, 0);
      for (let at = 0; at < Math.min(6, text.length); at++) {
        await engine.open(target, config);
        const bad = engine.info.vocabulary.bos ?? 0;
        const tokens = Int32Array.of(...prompt, ...text.slice(0, at), bad);
        const judge: Judge = { scheme: 'greedy', draftCount: at + 1 };
        const { outcomes } = await engine.pass([{ slot: target, from: 0, tokens, judge }]);
        assert.equal(outcomes[0]!.acceptedCount, at);
        assert.deepEqual(outcomes[0]!.final, { kind: 'residual', token: text[at] });
      }
    });

    it('stand though the caller bans what they need', async () => {
      const { vocabulary } = engine.info;
      const logitBias = new Map<number, number>();
      for (let token = 0; token < vocabulary.size && logitBias.size < 900; token++) {
        if (vocabulary.tokenBytes(token)[0] === '['.charCodeAt(0)) logitBias.set(token, -Infinity);
      }
      assert.ok(logitBias.size > 0);
      assert.ok(satisfies(textOf(await write('coupled', configOf({ logitBias }, 6n), 0))));
    });

    it('survive a rollback, a copy and a restoration', async () => {
      const config = configOf({}, 7n);
      const text = await write('coupled', config, 0);
      const tokens = Int32Array.of(...prompt, ...text.slice(0, 3));
      const next = async (slot: typeof target): Promise<unknown> => {
        const judge: Judge = { scheme: 'coupled', draftCount: 0 };
        const last = tokens.subarray(-1);
        return (await engine.pass([{ slot, from: tokens.length - 1, tokens: last, judge }]))
          .outcomes[0]!.final;
      };
      const expected = { kind: 'bonus', token: text[3] };
      await engine.truncate(target, tokens.length - 1);
      assert.deepEqual(await next(target), expected);
      await engine.open(drafter, config);
      await engine.copyPrefix(target, drafter, tokens.length - 1);
      assert.deepEqual(await next(drafter), expected);
      await engine.truncate(target, tokens.length - 1);
      await engine.restore(drafter, await engine.save(target), config);
      assert.deepEqual(await next(drafter), expected);
    });

    it('that cannot be followed are refused, and the slot stays as it was', async () => {
      await engine.open(target, configOf({}, 8n));
      await engine.pass([{ slot: target, from: 0, tokens: prompt, judge: null }]);
      await assert.rejects(
        engine.open(target, { ...configOf({}, 8n), schema: '{"not":{}}' }),
        (reason) => reason instanceof PilotfishError && reason.code === 'format-invalid',
      );
      await engine.truncate(target, prompt.length);
    });
  });
}

function likeliest(law: Parameters<typeof probOf>[0]): number {
  const best = law.probs.indexOf(Math.max(...law.probs));
  return law.kind === 'sparse' ? law.ids[best]! : best;
}

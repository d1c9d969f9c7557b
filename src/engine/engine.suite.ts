// The contract of every engine, run over each implementation. Texts are compared as token ids under `greedy` and
// `coupled`, so a cache that is wrong anywhere changes them.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { slotId } from '../base/brand.js';
import { type ErrorCode, PilotfishError } from '../base/error.js';
import { plainSampling, type Sampling } from '../math/sampling.js';
import type {
  DraftedToken,
  DraftRequest,
  Engine,
  Judge,
  Scheme,
  Segment,
  SlotConfig,
} from './engine.js';
import { checkPrompt, prefill } from './prefill.js';
import { detokenize, TextStream } from './text-stream.js';

/** Needs at least 3 slots of 128 tokens, passes of 16 to 64 tokens. */
export type MakeEngine = () => Promise<Engine>;

const [first, second, third] = [slotId(0), slotId(1), slotId(2)];
const unopened = third;

const configOf = (changes: Partial<Sampling> = {}, seed = 7n, promptLength = 0): SlotConfig => ({
  sampling: { ...plainSampling, ...changes },
  seed,
  promptLength,
});

const judged = (scheme: 'greedy' | 'coupled' | 'agreement', draftCount = 0): Judge => ({
  scheme,
  draftCount,
});

export function engineContract(name: string, make: MakeEngine): void {
  describe(`engine contract: ${name}`, () => {
    let engine: Engine;
    let prompt: Int32Array;

    before(async () => {
      engine = await make();
      prompt = engine.info.vocabulary.tokenize('a trial in a stone land', {
        addBos: true,
        parseSpecial: false,
      });
    });
    after(() => engine.close());

    const open = (slot = first, config = configOf()): Promise<void> => engine.open(slot, config);

    async function step(segment: Segment): Promise<number> {
      const { outcomes } = await engine.pass([segment]);
      const { final } = outcomes[0]!;
      assert.ok(final && final.kind !== 'law');
      return final.token;
    }

    /** Prompt and `count` tokens of target-only text, one pass a token. */
    async function write(slot = first, count = 12, scheme: 'greedy' | 'coupled' = 'coupled') {
      await prefill(engine, slot, 0, prompt.subarray(0, -1));
      const text = [...prompt];
      for (let index = 0; index < count; index++) {
        const from = text.length - 1;
        text.push(
          await step({ slot, from, tokens: Int32Array.of(text[from]!), judge: judged(scheme) }),
        );
      }
      return text;
    }

    async function refuses(code: ErrorCode, pattern: RegExp, work: () => Promise<unknown>) {
      await assert.rejects(work, (error) => {
        assert.ok(error instanceof PilotfishError, String(error));
        assert.equal(error.code, code);
        assert.match(error.message, pattern);
        return true;
      });
    }

    describe('passes', () => {
      it('gives the same text however a prompt is cut into segments', async () => {
        const texts: number[][] = [];
        for (const cut of [prompt.length - 1, 1, 3]) {
          await open();
          for (let from = 0; from < prompt.length - 1; from += cut) {
            const tokens = prompt.slice(from, Math.min(from + cut, prompt.length - 1));
            await engine.pass([{ slot: first, from, tokens, judge: null }]);
          }
          const tokens = prompt.slice(-1);
          const from = prompt.length - 1;
          texts.push([await step({ slot: first, from, tokens, judge: judged('coupled') })]);
        }
        assert.deepEqual(texts[1], texts[0]);
        assert.deepEqual(texts[2], texts[0]);
      });

      it('gives many sequences of one batch the text that each has alone', async () => {
        const seeds = [1n, 2n, 3n];
        const alone: number[][] = [];
        for (const seed of seeds) {
          await open(first, configOf({}, seed));
          alone.push(await write(first, 6));
        }
        const slots = [first, second, third];
        const texts = slots.map(() => [...prompt]);
        await Promise.all(slots.map((slot, index) => open(slot, configOf({}, seeds[index]!))));
        // Prompts in chunks of different lengths, so that batches mix prefill and steps.
        for (const slot of slots) await prefill(engine, slot, 0, prompt.subarray(0, -1));
        for (let index = 0; index < 6; index++) {
          const { outcomes } = await engine.pass(
            slots.map((slot, lane) => ({
              slot,
              from: texts[lane]!.length - 1,
              tokens: Int32Array.of(texts[lane]!.at(-1)!),
              judge: judged('coupled'),
            })),
          );
          outcomes.forEach(({ final }, lane) => {
            assert.ok(final && final.kind !== 'law');
            texts[lane]!.push(final.token);
          });
        }
        assert.deepEqual(texts, alone);
      });

      it('accepts the right drafts, cuts behind the first wrong one, and rolls its cache back', async () => {
        for (const scheme of ['greedy', 'coupled'] as const) {
          await open();
          const text = await write(first, 8, scheme);
          const answer = text.slice(prompt.length);
          const wrong = (answer[2]! + 1) % engine.info.vocabulary.size;
          await open();
          await prefill(engine, first, 0, prompt.subarray(0, -1));
          const drafts = [answer[0]!, answer[1]!, wrong, answer[3]!];
          const from = prompt.length - 1;
          const { outcomes } = await engine.pass([
            {
              slot: first,
              from,
              tokens: Int32Array.of(prompt[from]!, ...drafts),
              judge: judged(scheme, 4),
            },
          ]);
          assert.deepEqual(outcomes[0], {
            slot: first,
            acceptedCount: 2,
            final: { kind: 'residual', token: answer[2] },
            logprobs: null,
            length: prompt.length + 2,
          });
          const rest = Int32Array.from(answer.slice(2, 7));
          const all = await engine.pass([
            { slot: first, from: prompt.length + 2, tokens: rest, judge: judged(scheme, 4) },
          ]);
          assert.equal(all.outcomes[0]!.acceptedCount, 4);
          assert.deepEqual(all.outcomes[0]!.final, { kind: 'bonus', token: answer[7] });
          assert.equal(all.outcomes[0]!.length, prompt.length + 7);
        }
      });

      it('answers a pass without segments', async () => {
        assert.deepEqual((await engine.pass([])).outcomes, []);
      });

      it('runs calls in the order they were made', async () => {
        const calls = [
          open(),
          engine.pass([{ slot: first, from: 0, tokens: prompt.slice(0, 4), judge: null }]),
        ];
        const cut = engine.truncate(first, 2);
        const next = engine.pass([
          { slot: first, from: 2, tokens: prompt.slice(2, 3), judge: null },
        ]);
        await Promise.all([...calls, cut]);
        assert.equal((await next).outcomes[0]!.length, 3);
      });
    });

    describe('cache', () => {
      it('rolled back to any length, writes on as if never advanced', async () => {
        await open();
        const text = await write();
        for (const length of [prompt.length, prompt.length + 3, prompt.length + 9]) {
          await open();
          await write();
          await engine.truncate(first, length);
          const token = await step({
            slot: first,
            from: length,
            tokens: Int32Array.of(text[length]!),
            judge: judged('coupled'),
          });
          assert.equal(token, text[length + 1]);
        }
      });

      it('shares a prefix: the copy writes the same text and neither disturbs the other', async () => {
        await open();
        const text = await write();
        await open(second);
        await engine.copyPrefix(first, second, prompt.length + 4);
        const from = prompt.length + 4;
        const tokens = Int32Array.of(text[from]!);
        assert.equal(
          await step({ slot: second, from, tokens, judge: judged('coupled') }),
          text[from + 1],
        );
        await engine.truncate(second, 1);
        const last = text.length - 1;
        await engine.truncate(first, last - 1);
        const repeat = {
          slot: first,
          from: last - 1,
          tokens: Int32Array.of(text[last - 1]!),
          judge: judged('coupled'),
        };
        assert.equal(await step(repeat), text[last]);
      });

      it('saved and restored, also into another slot, writes on', async () => {
        await open();
        const text = await write();
        const state = await engine.save(first);
        await engine.restore(second, state, configOf());
        const from = text.length - 1;
        const tokens = Int32Array.of(text[from]!);
        const again = await step({ slot: second, from, tokens, judge: judged('coupled') });
        assert.equal(again, await step({ slot: first, from, tokens, judge: judged('coupled') }));
      });

      it('refuses damaged or cut states and leaves the slot as it was', async () => {
        await open();
        const text = await write();
        const state = await engine.save(first);
        const flipped = state.slice();
        flipped[flipped.length - 1]! ^= 1;
        for (const bad of [flipped, state.slice(0, -1), state.slice(0, 5), new Uint8Array(0)]) {
          await refuses('segment-invalid', /saved state/, () =>
            engine.restore(first, bad, configOf({}, 8n)),
          );
        }
        const from = text.length - 2;
        await engine.truncate(first, from);
        const tokens = Int32Array.of(text[from]!);
        const again = await step({ slot: first, from, tokens, judge: judged('coupled') });
        assert.equal(again, text[from + 1]);
      });
    });

    describe('laws', () => {
      it('writes one coupled text for every draft length, and another for another seed', async () => {
        await open();
        const text = await write(first, 12);
        await open(first, configOf({}, 8n));
        assert.notDeepEqual(await write(first, 12), text);
        for (const draftLength of [1, 2, 5]) {
          await open();
          assert.deepEqual(
            await writeWithDrafts('coupled', draftLength),
            text.slice(0, prompt.length + 10),
          );
        }
      });

      /** Drafts and judges with one model in two slots until 10 tokens are written. */
      async function writeWithDrafts(scheme: Scheme, draftLength: number): Promise<number[]> {
        await open(second);
        await prefill(engine, first, 0, prompt.subarray(0, -1));
        const text = [...prompt];
        while (text.length < prompt.length + 10) {
          await engine.truncate(second, 0);
          const { drafted } = await engine.draft(
            draftRequest({
              slot: second,
              tokens: Int32Array.from(text),
              countMax: draftLength,
              scheme,
            }),
          ).done;
          const from = text.length - 1;
          const drafts = drafted.map(({ token }) => token);
          const { outcomes } = await engine.pass([
            {
              slot: first,
              from,
              tokens: Int32Array.of(text[from]!, ...drafts),
              judge: judged('coupled', drafts.length),
            },
          ]);
          const { acceptedCount, final } = outcomes[0]!;
          assert.equal(acceptedCount, drafts.length, 'the target is its own perfect draft');
          assert.ok(final && final.kind !== 'law');
          text.push(...drafts, final.token);
        }
        return text.slice(0, prompt.length + 10);
      }

      it('counts penalties over prompt, output and the drafts before a row', async () => {
        const config = configOf({ presencePenalty: 60, temperature: 0.1 }, 3n, prompt.length);
        await open(first, config);
        const text = await write(first, 8, 'coupled');
        const answer = text.slice(prompt.length);
        assert.equal(
          new Set(answer).size,
          answer.length,
          'a heavy presence penalty forbids repeats',
        );
        await open(first, config);
        await prefill(engine, first, 0, prompt.subarray(0, -1));
        const tokens = Int32Array.from([prompt.at(-1)!, ...answer.slice(0, 7)]);
        const { outcomes } = await engine.pass([
          { slot: first, from: prompt.length - 1, tokens, judge: judged('coupled', 7) },
        ]);
        assert.equal(outcomes[0]!.acceptedCount, 7);
        assert.deepEqual(outcomes[0]!.final, { kind: 'bonus', token: answer[7] });
      });

      it('bans a token by its bias', async () => {
        await open();
        const answer = (await write(first, 1, 'greedy')).at(-1)!;
        await open(first, configOf({ logitBias: new Map([[answer, -Infinity]]) }));
        assert.notEqual((await write(first, 1, 'greedy')).at(-1), answer);
      });

      it('hands split rejections a law and judges full laws', async () => {
        await open(first, configOf({ topK: 3 }));
        await prefill(engine, first, 0, prompt.subarray(0, -1));
        await open(second, configOf({ topK: 3 }));
        const { drafted } = await engine.draft(
          draftRequest({ slot: second, tokens: prompt, countMax: 3, scheme: 'split' }),
        ).done;
        const from = prompt.length - 1;
        const drafts = drafted.map(({ token }) => token);
        const tokens = Int32Array.of(prompt[from]!, ...drafts);
        const probs = Float64Array.from(drafted, ({ prob }) => prob!);
        const own = await engine.pass([
          {
            slot: first,
            from,
            tokens,
            judge: { scheme: 'split', draftCount: 3, draftProbs: probs },
          },
        ]);
        assert.equal(own.outcomes[0]!.acceptedCount, 3, 'equal laws never reject');
        await engine.truncate(first, from);
        const laws = drafted.map(({ law }) => law!);
        const full = await engine.pass([
          { slot: first, from, tokens, judge: { scheme: 'full', draftCount: 3, draftLaws: laws } },
        ]);
        assert.equal(full.outcomes[0]!.acceptedCount, 3);
        await engine.truncate(first, from);
        const banned = [...Array(engine.info.vocabulary.size).keys()].find(
          (id) => !laws[0]!.kind || !(laws[0] as { ids: Int32Array }).ids.includes(id),
        )!;
        const bad = Int32Array.of(prompt[from]!, banned);
        const rejected = await engine.pass([
          {
            slot: first,
            from,
            tokens: bad,
            judge: { scheme: 'split', draftCount: 1, draftProbs: Float64Array.of(0.5) },
          },
        ]);
        assert.equal(rejected.outcomes[0]!.acceptedCount, 0);
        assert.equal(rejected.outcomes[0]!.final!.kind, 'law');
      });
    });

    const draftRequest = (changes: Partial<DraftRequest>): DraftRequest => ({
      slot: first,
      from: 0,
      tokens: prompt,
      countMax: 4,
      stop: { confidenceMin: 0 },
      scheme: 'coupled',
      attempt: 0,
      wantConfidence: false,
      ...changes,
    });

    describe('drafting', () => {
      it('drafts what stepping would have written, tells each token, and feeds all but the last', async () => {
        await open();
        const text = await write(first, 6);
        await open();
        const told: DraftedToken[] = [];
        const end = await engine.draft(draftRequest({ countMax: 6 }), (token) => told.push(token))
          .done;
        assert.deepEqual(
          end.drafted.map(({ token }) => token),
          text.slice(prompt.length),
        );
        assert.deepEqual(
          end.drafted.map(({ position }) => position),
          text.slice(prompt.length).map((_, index) => prompt.length + index),
        );
        assert.deepEqual(told, end.drafted);
        assert.equal(end.reason, 'count');
        assert.equal(end.length, prompt.length + 5);
      });

      it('stops behind the first token below the confidence', async () => {
        await open();
        const all = await engine.draft(draftRequest({ countMax: 12, wantConfidence: true })).done;
        const sure = all.drafted.map(({ confidence }) => confidence!);
        for (const confidence of sure) assert.ok(confidence > 0 && confidence <= 1);
        const confidenceMin = [...sure].sort((a, b) => a - b)[Math.floor(sure.length / 2)]!;
        await open();
        const end = await engine.draft(draftRequest({ countMax: 12, stop: { confidenceMin } }))
          .done;
        assert.equal(end.reason, 'confidence');
        assert.equal(
          end.drafted.length,
          sure.findIndex((confidence) => confidence < confidenceMin) + 1,
        );
      });

      it('can be stopped between tokens, and the slot is usable afterwards', async () => {
        await open();
        let run: ReturnType<Engine['draft']> | null = null;
        let seen = 0;
        run = engine.draft(draftRequest({ countMax: 100 }), () => {
          if (++seen === 3) run!.stop();
        });
        const end = await run.done;
        assert.equal(end.reason, 'stopped');
        assert.ok(
          end.drafted.length >= 3 && end.drafted.length < 100,
          `${end.drafted.length} drafted`,
        );
        await engine.truncate(first, prompt.length);
        const from = prompt.length;
        const tokens = Int32Array.of(end.drafted[0]!.token);
        assert.equal(
          await step({ slot: first, from, tokens, judge: judged('coupled') }),
          end.drafted[1]!.token,
        );
      });

      it('ends at the end of the context', async () => {
        const { contextLength } = engine.info;
        await open(
          first,
          configOf({
            logitBias: new Map([...engine.info.vocabulary.endOfText].map((id) => [id, -Infinity])),
          }),
        );
        const end = await engine.draft(draftRequest({ countMax: 2 * contextLength })).done;
        assert.equal(end.reason, 'context');
        assert.equal(end.length, contextLength);
      });

      it('ends at the end of the text', async () => {
        const ends = [...engine.info.vocabulary.endOfText];
        await open(first, configOf({ logitBias: new Map([[ends[0]!, 90]]) }));
        const end = await engine.draft(draftRequest({ countMax: 9 })).done;
        assert.equal(end.reason, 'end-of-text');
        assert.deepEqual(
          end.drafted.map(({ token }) => token),
          [ends[0]],
        );
      });
    });

    describe('vocabulary', () => {
      it('detokenises what it tokenised, also byte by byte', () => {
        const { vocabulary } = engine.info;
        for (const text of ['a stone in a trial', 'solid  stone', ' a\u00e9\u00e9a ', '']) {
          const tokens = vocabulary.tokenize(text, { addBos: false, parseSpecial: false });
          assert.equal(detokenize(vocabulary, tokens), text);
          const stream = new TextStream(vocabulary);
          const pieces = [...tokens].map((token) => stream.push(token));
          const prefix = vocabulary.addsSpacePrefix && text !== '' ? ' ' : '';
          assert.equal(pieces.join('') + stream.end(), prefix + text);
          for (const piece of pieces)
            assert.ok(!piece.includes('\ufffd'), 'half a character was shown');
        }
      });

      it('puts the start token first when asked, once', () => {
        const { vocabulary } = engine.info;
        const tokens = vocabulary.tokenize('a', { addBos: true, parseSpecial: false });
        assert.equal(tokens[0], vocabulary.bos);
        assert.equal([...tokens].filter((token) => token === vocabulary.bos).length, 1);
      });

      it('names an end token that ends a text', () => {
        const { eos, endOfText } = engine.info.vocabulary;
        assert.ok(eos !== null && endOfText.has(eos), `${eos} of ${[...endOfText]}`);
      });

      it('tokenises a text far longer than any prompt, so that its length can be refused', async () => {
        const text = 'a stone '.repeat(50_000);
        const tokens = engine.info.vocabulary.tokenize(text, { addBos: true, parseSpecial: false });
        assert.ok(tokens.length > 100_000, `${tokens.length} tokens`);
        assert.equal(tokens[0], engine.info.vocabulary.bos);
        await refuses('prompt-too-long', new RegExp(`has ${tokens.length} tokens`), async () =>
          checkPrompt(engine, tokens, 1),
        );
      });

      it('has one fingerprint', () => {
        assert.equal(engine.info.vocabulary.fingerprint, engine.info.vocabulary.fingerprint);
        assert.ok(engine.info.vocabulary.fingerprint.length > 4);
      });

      it('refuses ids outside itself', () => {
        const { vocabulary } = engine.info;
        for (const id of [-1, vocabulary.size, 0.5, Number.NaN]) {
          assert.throws(() => vocabulary.tokenBytes(id), { code: 'token-out-of-range' });
          assert.throws(() => vocabulary.tokenText(id), { code: 'token-out-of-range' });
        }
      });
    });

    describe('bad input changes nothing', () => {
      const segment = (changes: Partial<Segment>): Segment => ({
        slot: first,
        from: prompt.length,
        tokens: Int32Array.of(3),
        judge: null,
        ...changes,
      });

      it('refuses each by name and bound', async () => {
        await open();
        await prefill(engine, first, 0, prompt);
        const { vocabulary, slotCount, passTokensMax, passRowsMax, contextLength } = engine.info;
        const many = new Int32Array(passTokensMax + 1).fill(3);
        const cases: [ErrorCode, RegExp, () => Promise<unknown>][] = [
          ['segment-invalid', /starts at 3/, () => engine.pass([segment({ from: 3 })])],
          ['segment-invalid', /starts at 999/, () => engine.pass([segment({ from: 999 })])],
          [
            'segment-invalid',
            /no tokens/,
            () => engine.pass([segment({ tokens: new Int32Array(0) })]),
          ],
          ['segment-invalid', /twice/, () => engine.pass([segment({}), segment({})])],
          [
            'segment-invalid',
            /outside \[0, \d+\)/,
            () => engine.pass([segment({ slot: slotId(slotCount) })]),
          ],
          [
            'segment-invalid',
            /outside \[0, \d+\)/,
            () => engine.pass([segment({ slot: slotId(-1) })]),
          ],
          [
            'segment-invalid',
            /outside \[0, \d+\)/,
            () => engine.pass([segment({ slot: slotId(0.5) })]),
          ],
          [
            'token-out-of-range',
            /token -1 at index 0/,
            () => engine.pass([segment({ tokens: Int32Array.of(-1) })]),
          ],
          [
            'token-out-of-range',
            new RegExp(`${vocabulary.size} at index 1`),
            () => engine.pass([segment({ tokens: Int32Array.of(3, vocabulary.size) })]),
          ],
          ['segment-invalid', /passTokensMax/, () => engine.pass([segment({ tokens: many })])],
          [
            'segment-invalid',
            /draftCount 1 /,
            () => engine.pass([segment({ judge: judged('greedy', 1) })]),
          ],
          [
            'segment-invalid',
            /draftCount -1 /,
            () => engine.pass([segment({ judge: judged('greedy', -1) })]),
          ],
          [
            'segment-invalid',
            /draftCount 0.5 /,
            () => engine.pass([segment({ judge: judged('greedy', 0.5) })]),
          ],
          [
            'segment-invalid',
            /probability 0 /,
            () =>
              engine.pass([
                segment({
                  tokens: Int32Array.of(3, 3),
                  judge: { scheme: 'split', draftCount: 1, draftProbs: Float64Array.of(0) },
                }),
              ]),
          ],
          [
            'segment-invalid',
            /probability NaN /,
            () =>
              engine.pass([
                segment({
                  tokens: Int32Array.of(3, 3),
                  judge: {
                    scheme: 'split',
                    draftCount: 1,
                    draftProbs: Float64Array.of(Number.NaN),
                  },
                }),
              ]),
          ],
          [
            'segment-invalid',
            /0 draft prob/,
            () =>
              engine.pass([
                segment({
                  tokens: Int32Array.of(3, 3),
                  judge: { scheme: 'split', draftCount: 1, draftProbs: new Float64Array(0) },
                }),
              ]),
          ],
          [
            'segment-invalid',
            /draft law/,
            () =>
              engine.pass([
                segment({
                  tokens: Int32Array.of(3, 3),
                  judge: {
                    scheme: 'full',
                    draftCount: 1,
                    draftLaws: [{ kind: 'dense', probs: new Float64Array(vocabulary.size) }],
                  },
                }),
              ]),
          ],
          [
            'segment-invalid',
            /draft law/,
            () =>
              engine.pass([
                segment({
                  tokens: Int32Array.of(3, 3),
                  judge: {
                    scheme: 'full',
                    draftCount: 1,
                    draftLaws: [
                      { kind: 'sparse', ids: Int32Array.of(-5), probs: Float64Array.of(1) },
                    ],
                  },
                }),
              ]),
          ],
          [
            'segment-invalid',
            /scheme 'lucky'/,
            () => engine.pass([segment({ judge: judged('lucky' as never) })]),
          ],
          [
            'segment-invalid',
            /scheme 'lucky'/,
            () =>
              engine.draft(draftRequest({ from: prompt.length, scheme: 'lucky' as never })).done,
          ],
          ['segment-invalid', /holds/, () => engine.truncate(first, prompt.length + 1)],
          ['segment-invalid', /-1/, () => engine.truncate(first, -1)],
          ['segment-invalid', /holds/, () => engine.copyPrefix(first, second, prompt.length + 1)],
          ['segment-invalid', /own prefix/, () => engine.copyPrefix(first, first, 1)],
          [
            'segment-invalid',
            /countMax 0 /,
            () => engine.draft(draftRequest({ from: prompt.length, countMax: 0 })).done,
          ],
          [
            'segment-invalid',
            /confidenceMin/,
            () =>
              engine.draft(draftRequest({ from: prompt.length, stop: { confidenceMin: 2 } })).done,
          ],
          [
            'sampling-invalid',
            /temperature -1/,
            () => engine.open(second, configOf({ temperature: -1 })),
          ],
          [
            'sampling-invalid',
            /temperature NaN/,
            () => engine.open(second, configOf({ temperature: Number.NaN })),
          ],
          ['sampling-invalid', /topP 0 /, () => engine.open(second, configOf({ topP: 0 }))],
          ['sampling-invalid', /topK 1.5/, () => engine.open(second, configOf({ topK: 1.5 }))],
          ['sampling-invalid', /seed -1/, () => engine.open(second, configOf({}, -1n))],
          ['sampling-invalid', /seed/, () => engine.open(second, configOf({}, 1n << 64n))],
          [
            'token-out-of-range',
            /logitBias token 99999999/,
            () => engine.open(second, configOf({ logitBias: new Map([[99999999, 1]]) })),
          ],
          ['prompt-empty', /no tokens/, async () => checkPrompt(engine, new Int32Array(0), 1)],
          [
            'prompt-too-long',
            new RegExp(`context of ${contextLength}`),
            async () => checkPrompt(engine, new Int32Array(contextLength), 1),
          ],
        ];
        if (passRowsMax < passTokensMax) {
          const wide = new Int32Array(passRowsMax + 1).fill(3);
          cases.push([
            'segment-invalid',
            /passRowsMax/,
            () => engine.pass([segment({ tokens: wide, judge: judged('greedy', passRowsMax) })]),
          ]);
        }
        await open(second);
        for (const [code, pattern, work] of cases) await refuses(code, pattern, work);
        const { outcomes } = await engine.pass([segment({})]);
        assert.equal(outcomes[0]!.length, prompt.length + 1);
      });

      it('refuses a slot that was never opened', async () => {
        const fresh = await make();
        await refuses('segment-invalid', /not open/, () =>
          fresh.pass([segment({ slot: unopened, from: 0 })]),
        );
        await fresh.close();
      });

      it('refuses to grow a slot past its context', async () => {
        const { contextLength } = engine.info;
        await open();
        await prefill(engine, first, 0, new Int32Array(contextLength - 1).fill(3));
        await refuses('context-exhausted', new RegExp(`${contextLength}`), () =>
          engine.pass([segment({ from: contextLength - 1, tokens: Int32Array.of(3, 3) })]),
        );
        const { outcomes } = await engine.pass([segment({ from: contextLength - 1 })]);
        assert.equal(outcomes[0]!.length, contextLength);
      });
    });

    it('once closed, refuses every call by name, and closes twice', async () => {
      const fresh = await make();
      await fresh.open(first, configOf());
      const late = fresh.draft(draftRequest({ countMax: 100 }));
      await fresh.close();
      await late.done.catch(() => undefined);
      await fresh.close();
      await refuses('engine-closed', /closed/, () => fresh.open(first, configOf()));
      await refuses('engine-closed', /closed/, () => fresh.pass([]));
      await refuses('engine-closed', /closed/, () => fresh.draft(draftRequest({})).done);
    });

    it('refuses calls from the moment it is told to close, and finishes those made before', async () => {
      const fresh = await make();
      const early = fresh.open(first, configOf());
      const closing = fresh.close();
      await refuses('engine-closed', /closed/, () => fresh.open(first, configOf()));
      await early;
      await closing;
    });
  });
}

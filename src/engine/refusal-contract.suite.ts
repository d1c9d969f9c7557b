// Tests of every engine: a refused call names the reason and bound, and changes nothing; a closed
// engine says so.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { slotId } from '../base/brand.js';
import type { ErrorCode } from '../base/error.js';
import type { Engine, Segment } from './engine.js';
import {
  configOf,
  type EngineFixture,
  first,
  judged,
  refuses,
  second,
  third,
} from './engine-fixture.suite.js';
import { checkPrompt, prefill } from './prefill.js';

/** Bad input and closing. */
export function refusalContract(on: EngineFixture): void {
  const { open, draftRequest, make } = on;
  let engine: Engine;
  let prompt: Int32Array;
  before(() => {
    ({ engine, prompt } = on);
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
          () => engine.draft(draftRequest({ from: prompt.length, scheme: 'lucky' as never })).done,
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
          'segment-invalid',
          /chanceMin -1 /,
          () => {
            const stop = { confidenceMin: 0, chanceMin: -1 };
            return engine.draft(draftRequest({ from: prompt.length, stop })).done;
          },
        ],
        [
          'segment-invalid',
          /draft starts at 999/,
          () => engine.draft(draftRequest({ from: 999 })).done,
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
        fresh.pass([segment({ slot: third, from: 0 })]),
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
}

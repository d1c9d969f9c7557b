// Tests of every engine: its vocabulary round-trips texts, piece by piece, and refuses ids that it
// does not have.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { Engine } from './engine.js';
import { type EngineFixture, refuses } from './engine-fixture.suite.js';
import { checkPrompt } from './prefill.js';
import { detokenize, TextStream } from './text-stream.js';

/** The vocabulary. */
export function vocabularyContract(on: EngineFixture): void {
  let engine: Engine;
  before(() => {
    ({ engine } = on);
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

    it('tokenises on another thread, where it can, to the same ids', async () => {
      const { vocabulary } = engine.info;
      for (const addBos of [true, false]) {
        const options = { addBos, parseSpecial: addBos };
        const encoder = new TextEncoder();
        const texts = ['a stone in a trial '.repeat(500), 'a', ''];
        const aside = texts.map((text) =>
          vocabulary.tokenizeAside?.(encoder.encode(text), options),
        );
        for (const [index, ids] of (await Promise.all(aside)).entries()) {
          if (ids === undefined) continue;
          assert.deepEqual(ids, vocabulary.tokenize(texts[index]!, options));
        }
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
}

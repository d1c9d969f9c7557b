// Tests that what a peer makes long is prepared off the caller's thread, once, and refused plainly.

import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { PilotfishError } from '../../base/error.js';
import type { EngineInfo } from '../../engine/engine.js';
import { createScriptedEngine } from '../../engine/scripted-engine.js';
import type { Vocabulary } from '../../engine/vocabulary.js';
import { compiledSchema } from '../../grammar/compiled-schema.js';
import { GrammarCache } from '../../grammar/grammar-cache.js';
import { encodeFrame } from '../../protocol/codec.js';
import type { Prompt } from '../../protocol/frame.js';
import { openFrame } from '../core/core-harness.suite.js';
import type { PreparedOpen } from '../core/prepared-open.js';
import { Preparation } from './preparation.js';

const { info: plain } = createScriptedEngine({ alphabet: 'json', contextLength: 8192 });
const schema = '{"enum":["1","a"]}';
const ids: Prompt = { kind: 'ids', ids: Int32Array.of(1) };

/** A vocabulary with another thread, which notes what it was asked. */
function aside(asked: string[]): Vocabulary {
  const { vocabulary } = plain;
  return {
    ...vocabulary,
    tokenizeAside: (utf8, options) => {
      const text = new TextDecoder().decode(utf8);
      asked.push(text);
      return Promise.resolve(vocabulary.tokenize(text, options));
    },
  };
}

const withAside = (asked: string[], changes: Partial<EngineInfo> = {}): EngineInfo => ({
  ...{ ...plain, vocabulary: aside(asked) },
  ...changes,
});

describe('the preparation of an Open', () => {
  const asked: string[] = [];
  const preparation = new Preparation(withAside(asked));
  const prepare = (prompt: Prompt, text: string | null = null, key: string | null = 'a') =>
    preparation.prepare({ prompt, schema: text }, key);
  after(() => preparation.close());

  it('leaves alone what is short', () => {
    const nothing: PreparedOpen = { prompt: null, format: null };
    assert.deepEqual(prepare(ids), nothing);
    assert.deepEqual(prepare({ kind: 'text', text: 'aaa' }), nothing);
    assert.deepEqual(
      prepare({ kind: 'messages', messages: [{ role: 'user', content: 'a' }] }),
      nothing,
    );
  });

  it('compiles a schema once for a key: to the tables that the engine would make', async () => {
    const [one, same] = [prepare(ids, schema), prepare(ids, schema)];
    assert.ok(one instanceof Promise && same instanceof Promise);
    const { format } = await one;
    assert.ok(format !== null && !(format instanceof PilotfishError));
    assert.equal((await same).format, format);
    assert.deepEqual(prepare(ids, schema), { prompt: null, format });
    assert.ok(prepare(ids, schema, 'b') instanceof Promise, 'nothing tells of another key');
    const make = (tables: typeof format | null) =>
      new GrammarCache(plain.vocabulary).grammarOf(schema, tables);
    const [given, own] = [make(format), make(null)];
    assert.deepEqual(given.mask(given.start), own.mask(own.start));
  });

  it('holds the caller up for none of the time that compiling takes', async () => {
    const bomb = (salt: number): string =>
      JSON.stringify({
        anyOf: Array.from({ length: 250 }, (_, index) => ({
          type: 'string',
          pattern: `[a-z]*${index}[a-z]*x${index}[a-z]*[0-9]*[A-Z]*_${salt}`,
        })),
      });
    const bytes = new Set(Array.from({ length: 256 }, (_, byte) => byte));
    const startedMs = performance.now();
    compiledSchema(bomb(0), bytes);
    const compileMs = performance.now() - startedMs;
    let [longestMs, lastMs] = [0, performance.now()];
    const timer = setInterval(() => {
      longestMs = Math.max(longestMs, performance.now() - lastMs);
      lastMs = performance.now();
    }, 1);
    const { format } = await prepare(ids, bomb(1));
    clearInterval(timer);
    // This alphabet can write none of it, which the compiler finds out last.
    assert.ok(format instanceof PilotfishError);
    assert.match(format.message, /^no text satisfies the schema/);
    assert.ok(longestMs < compileMs / 2, `${longestMs} ms of ${compileMs}`);
  });

  it('refuses a schema as the compiler does, and one that is too long at once', async () => {
    const refused = await prepare(ids, '{"type":"what"}');
    assert.ok(refused.format instanceof PilotfishError);
    assert.equal(refused.format.code, 'format-invalid');
    const long = prepare(ids, `{"title":"${'a'.repeat(70_000)}"}`);
    assert.ok(!(long instanceof Promise) && long.format instanceof PilotfishError);
  });

  it('renders and tokenises long prompts aside, with the ids of a short one', async () => {
    const text = 'a1'.repeat(2000);
    const long = prepare({ kind: 'text', text });
    assert.ok(long instanceof Promise);
    const expected = plain.vocabulary.tokenize(text, { addBos: true, parseSpecial: false });
    assert.deepEqual((await long).prompt, expected);
    assert.equal(asked.at(-1), text);
    const content = 'a1'.repeat(60);
    const messages = Array.from({ length: 20 }, () => ({ role: 'system', content }));
    const chat = await prepare({ kind: 'messages', messages });
    // The script ends with letters that this alphabet lacks.
    assert.ok(chat.prompt instanceof PilotfishError);
    assert.equal(asked.at(-1)?.startsWith(`${content}\n${content}\n`), true);
  });

  it('decodes a long frame aside, and makes its prompt into the ids of one decoded here', async () => {
    const texts: Prompt[] = [
      { kind: 'text', text: 'a1'.repeat(3000) },
      { kind: 'messages', messages: [{ role: 'user', content: 'a' }] },
      { kind: 'text', text: 'a'.repeat(100_000) },
    ];
    for (const prompt of texts) {
      const frame = openFrame({ prompt });
      const bytes = encodeFrame(frame);
      const { decoded, prompt: rendered } = await preparation.decode(bytes, 'c');
      assert.equal(bytes.length, 0, 'handed over');
      const open = 'ok' in decoded && decoded.ok.kind === 'open' ? decoded.ok : null;
      assert.ok(open !== null && rendered !== null);
      assert.deepEqual({ ...open, prompt }, frame);
      const empty = {
        text: { kind: 'text', text: '' },
        messages: { kind: 'messages', messages: [] },
      };
      assert.deepEqual(open.prompt, empty[prompt.kind as 'text']);
      const here = await prepare(prompt, null, 'c');
      const there = await preparation.prepare({ prompt: open.prompt, rendered }, 'c');
      // The chat's script has letters that this alphabet lacks.
      if (prompt.kind === 'messages') assert.ok(there.prompt instanceof PilotfishError);
      else assert.deepEqual(there.prompt, here.prompt);
    }
    const list = openFrame({ prompt: { kind: 'ids', ids: Int32Array.of(1, 2, 3) } });
    assert.deepEqual(await preparation.decode(encodeFrame(list), 'c'), {
      ...{ kind: 'decoded', decoded: { ok: list }, prompt: null },
    });
    const { decoded } = await preparation.decode(Uint8Array.of(1, 2, 3), 'c');
    assert.ok('fault' in decoded && decoded.fault.code === 'frame-malformed');
  });

  it('refuses a text that cannot fit before it is tokenised, and a role that is none', async () => {
    const before = asked.length;
    const long = prepare({ kind: 'text', text: 'a'.repeat(100_000) });
    assert.ok(!(long instanceof Promise) && long.prompt instanceof PilotfishError);
    assert.equal(long.prompt.code, 'prompt-too-long');
    const messages = Array.from({ length: 20 }, () => ({ role: 'judge', content: '' }));
    const { prompt } = await prepare({ kind: 'messages', messages });
    assert.ok(prompt instanceof PilotfishError && prompt.code === 'chat-template-failed');
    assert.equal(asked.length, before);
  });
});

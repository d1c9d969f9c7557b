// Checks the text of a plain session as a client reads it: whole characters, stop strings at any
// token border, and a session that ends when its client leaves.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PilotfishError } from '../../base/error.js';
import type { EngineInfo } from '../../engine/engine.js';
import { scriptedVocabulary } from '../../engine/scripted-vocabulary.js';
import { plainSampling } from '../../math/sampling.js';
import type { LocalServer, PlainListener, PlainRequest } from '../../server/index.js';
import type { GenerationRequest, GenerationStream } from '../generator.js';
import { ServerGenerator } from './server-generator.js';

const vocabulary = scriptedVocabulary(16);
const info = { modelName: 'Scripted 1', vocabulary, contextLength: 64 } as EngineInfo;

/** A server that writes scripted tokens. */
class ScriptedServer {
  listener: PlainListener | null = null;
  request: PlainRequest | null = null;
  cancelCount = 0;
  readonly generator: ServerGenerator;

  constructor() {
    const write = (request: PlainRequest, _grant: unknown, listener: PlainListener) => {
      this.request = request;
      this.listener = listener;
      return () => {
        this.cancelCount++;
      };
    };
    const server = { plain: { write, count: 0 }, isDraining: false } as unknown as LocalServer;
    this.generator = new ServerGenerator({
      ...{ server, info, names: ['here.gguf'], createdS: 5, build: '1.2' },
    });
  }

  ask(change: Partial<GenerationRequest> = {}): GenerationStream {
    return this.generator.generate({
      ...{ prompt: { kind: 'text', text: 'a' }, sampling: plainSampling, seed: 1n, stops: [] },
      ...{ tokensMax: 9, topLogprobs: null, format: null, grant: null },
      signal: new AbortController().signal,
      ...change,
    });
  }

  say(text: string): this {
    this.listener!.tokens(
      vocabulary.tokenize(text, { addBos: false, parseSpecial: false }),
      null,
      null,
      null,
    );
    return this;
  }
}

async function textsOf(generation: GenerationStream): Promise<string[]> {
  const texts: string[] = [];
  for await (const deltas of generation) texts.push(...deltas.map(({ text }) => text));
  return texts;
}

describe('an answer over a plain session', () => {
  it('counts drafts of the server, and no more tokens than a stop string leaves', async () => {
    const server = new ScriptedServer();
    const generation = server.ask({ stops: ['n'] });
    server.listener!.accepted(2);
    const ids = vocabulary.tokenize('sene', { addBos: false, parseSpecial: false });
    const sources = { deviceCount: 0, modelCount: 1, suffixCount: ids.length - 1 };
    const tests = { roundCount: 1, givenCount: 9, modelCount: 2, suffixCount: ids.length - 1 };
    server.listener!.tokens(ids, null, sources, tests);
    assert.equal((await textsOf(generation)).join(''), 'se');
    const result = await generation.result;
    const { draftedCount, testedCount, acceptedCount, roundCount, tokenCount } = result;
    assert.deepEqual([draftedCount, testedCount, acceptedCount, roundCount], [9, 5, 4, 1]);
    assert.deepEqual(result.sources, { device: 0, model: 0, suffix: tokenCount, target: 0 });
  });

  it('never shows half a character', async () => {
    const server = new ScriptedServer();
    const generation = server.ask();
    server.listener!.accepted(2);
    const [high, low] = vocabulary.tokenize('é', { addBos: false, parseSpecial: false });
    server.listener!.tokens(Int32Array.of(high!), null, null, null);
    server.listener!.tokens(Int32Array.of(low!, high!), null, null, null);
    server.listener!.ended('length');
    assert.deepEqual(await textsOf(generation), ['', 'é', '', '\ufffd']);
    const { reason, tokenCount, promptCount } = await generation.result;
    assert.deepEqual([reason, tokenCount, promptCount], ['length', 3, 2]);
    assert.equal(await generation.accepted, 2);
  });

  it('ends before a stop string that spans tokens, and ends the session with it', async () => {
    const server = new ScriptedServer();
    const generation = server.ask({ stops: ['end', 'xx'] });
    server.listener!.accepted(2);
    server.say('sene').say('end');
    assert.equal((await textsOf(generation)).join(''), 'sene');
    const { reason, tokenCount } = await generation.result;
    assert.deepEqual([reason, tokenCount], ['stop', 7]);
    assert.equal(server.cancelCount, 1);
  });

  it('gives back what only began a stop string', async () => {
    const server = new ScriptedServer();
    const generation = server.ask({ stops: ['end'] });
    server.listener!.accepted(2);
    server.say('aen').listener!.ended('end-of-text');
    assert.equal((await textsOf(generation)).join(''), 'aen');
    assert.equal((await generation.result).reason, 'stop');
  });

  it('may fill the context where no limit is given', () => {
    const server = new ScriptedServer();
    server.ask({ tokensMax: null });
    assert.equal(server.request!.tokensMax, 64);
  });

  it('ends its session when the signal comes, and sends nothing after it', async () => {
    const server = new ScriptedServer();
    const leaving = new AbortController();
    const generation = server.ask({ signal: leaving.signal });
    server.listener!.accepted(2);
    server.say('a');
    leaving.abort();
    server.say('e');
    assert.equal(server.cancelCount, 1);
    await assert.rejects(textsOf(generation), { code: 'cancelled' });
    await assert.rejects(generation.result, { code: 'cancelled' });
  });

  it('ends its session when its reader leaves the loop', async () => {
    const server = new ScriptedServer();
    const generation = server.ask();
    server.listener!.accepted(2);
    server.say('a');
    for await (const _ of generation) break;
    assert.equal(server.cancelCount, 1);
  });

  it('fails as the session does', async () => {
    const server = new ScriptedServer();
    const generation = server.ask();
    server.listener!.failed(new PilotfishError('prompt-too-long', '65 of 64'));
    await assert.rejects(generation.accepted, { code: 'prompt-too-long' });
    await assert.rejects(textsOf(generation), { code: 'prompt-too-long' });
  });
});

describe('the card of a served model', () => {
  it('has an id that needs no quoting, and the other names as aliases', () => {
    const [card] = new ScriptedServer().generator.models;
    assert.equal(card!.id, 'scripted-1');
    assert.deepEqual(card!.aliases, ['Scripted 1', 'here.gguf']);
    assert.match(card!.fingerprint, /^pilotfish-1\.2-[0-9a-f]{12}$/);
  });
});

// llama.cpp keeps the contract of every engine, on the bundled models, and refuses what it cannot
// load.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PilotfishError } from '../../base/error.js';
import { plainSampling } from '../../math/sampling.js';
import { engineContract } from '../engine.suite.js';
import { formatContract } from '../format.suite.js';
import { logprobsContract } from '../logprobs.suite.js';
import { createScriptedEngine } from '../scripted-engine.js';
import { checkSameVocabulary } from '../vocabulary-match.js';
import { type LlamaEngine, type LlamaOptions, loadLlamaEngine } from './index.js';

const modelPath = (name: string): string =>
  fileURLToPath(new URL(`../../../../models/${name}`, import.meta.url));
const target = modelPath('stories-target-f16.gguf');
const draft = modelPath('stories-draft-f16.gguf');

const small: Omit<LlamaOptions, 'modelPath'> = {
  slotCount: 3,
  contextLength: 128,
  passTokensMax: 64,
  passRowsMax: 32,
  threads: 1,
  probe: false,
};

for (const unifiedCache of [true, false]) {
  engineContract(`llama, ${unifiedCache ? 'one cache' : 'a cache per slot'}`, () =>
    loadLlamaEngine({ ...small, modelPath: target, unifiedCache }),
  );
}

// Every caller may say that passes follow, and then do something else.
engineContract('llama, computing ahead', async () => {
  const engine = await loadLlamaEngine({ ...small, modelPath: target });
  const pass = engine.pass;
  engine.pass = (segments, onHints) => pass(segments, onHints, 1000);
  return engine;
});

// Rows of a batch and a row alone are rounded differently by llama.cpp.
logprobsContract('llama', () => loadLlamaEngine({ ...small, modelPath: target }), 0.02);

formatContract('llama', () =>
  loadLlamaEngine({ ...small, modelPath: target, contextLength: 512, deterministic: true }),
);

describe('llama engine', () => {
  let engine: LlamaEngine;
  before(async () => {
    engine = await loadLlamaEngine({ ...small, modelPath: target, probe: true });
  });
  after(() => engine.close());

  it('leaves no thread behind when it refuses', async () => {
    const ports = () => process.getActiveResourcesInfo().filter((name) => name === 'MessagePort');
    const already = ports().length;
    const refused = loadLlamaEngine({ ...small, modelPath: 'missing.gguf' });
    await assert.rejects(refused, { code: 'model-not-found' });
    assert.equal(ports().length, already);
  });

  it('tells what it loaded', () => {
    assert.match(engine.info.modelName, /Llama/);
    assert.equal(engine.trainedContext, 512);
    assert.equal(engine.info.vocabulary.size, 4096);
    assert.deepEqual(engine.warnings, []);
    assert.equal(engine.info.contextLength, 128);
    assert.equal(engine.info.chatTemplate, null);
    assert.match(engine.info.vocabulary.fingerprint, /^sha256:[0-9a-f]{64}$/);
  });

  it('shares its vocabulary with its draft and not with a stranger', async () => {
    const other = await loadLlamaEngine({ ...small, modelPath: draft });
    assert.equal(other.info.vocabulary.fingerprint, engine.info.vocabulary.fingerprint);
    checkSameVocabulary(engine.info.vocabulary, other.info.vocabulary);
    const stranger = createScriptedEngine().info.vocabulary;
    assert.throws(() => checkSameVocabulary(engine.info.vocabulary, stranger), {
      code: 'vocabulary-mismatch',
      message: /first difference at id 0: "<unk>" in the target, "<s>" in the draft/,
    });
    await other.close();
    assert.throws(() => other.info.vocabulary.tokenBytes(5), { code: 'engine-closed' });
  });

  it('refuses options outside their range by name and bound', async () => {
    const cases: [Partial<LlamaOptions>, RegExp][] = [
      [{ slotCount: 0 }, /slotCount 0 is outside \[1, 256\]/],
      [{ slotCount: 257 }, /slotCount 257/],
      [{ contextLength: 1 }, /contextLength 1 /],
      [{ threads: 0 }, /threads 0 /],
      [{ batchThreads: 513 }, /batchThreads 513 is outside \[1, 512\]/],
      [{ poll: 101 }, /poll 101 /],
      [{ priority: 4 }, /priority 4 is outside \[-1, 3\]/],
      [{ processors: [0, 512] }, /processor 512 /],
      [{ passTokensMax: 0 }, /passTokensMax 0/],
      [{ passRowsMax: 65 }, /passRowsMax 65 is outside \[1, 64\]/],
      [{ gpuLayers: -2 }, /gpuLayers -2/],
      [{ cacheTypeK: 'f64' as never }, /cacheTypeK 'f64' is not one of f32, f16/],
      [{ flashAttention: 'maybe' as never }, /flashAttention 'maybe'/],
      [{ flashAttention: 'off', cacheTypeV: 'q8_0' }, /q8_0 needs flash attention/],
    ];
    for (const [changes, message] of cases) {
      await assert.rejects(loadLlamaEngine({ ...small, modelPath: target, ...changes }), {
        code: 'usage',
        message,
      });
    }
  });

  it('refuses a context that the memory cannot hold, with both numbers', async () => {
    await assert.rejects(
      loadLlamaEngine({ ...small, modelPath: target, slotCount: 256, contextLength: 2 ** 22 }),
      { code: 'context-too-large', message: /GiB beside .* this machine has/ },
    );
  });

  it('refuses a missing library folder by name', async () => {
    await assert.rejects(
      loadLlamaEngine({ ...small, modelPath: target, libraryFolder: '/nowhere/llama' }),
      { code: 'library-not-found', message: /\/nowhere\/llama/ },
    );
  });

  it('works with quantised caches and with flash attention on or off', async () => {
    const texts: string[] = [];
    for (const changes of [
      {},
      { flashAttention: 'on' },
      { flashAttention: 'off' },
      { flashAttention: 'on', cacheTypeK: 'q8_0', cacheTypeV: 'q8_0' },
    ] as const) {
      const variant = await loadLlamaEngine({ ...small, modelPath: target, ...changes });
      texts.push(await greedyText(variant));
      await variant.close();
    }
    assert.equal(texts[1], texts[0]);
    assert.equal(texts[2], texts[0]);
    assert.ok(texts[3]!.length > 20, 'a quantised cache may change the text, not end it');
  });

  it('works with more slots than a pass has tokens or rows', async () => {
    for (const changes of [
      { slotCount: 16, passTokensMax: 4, passRowsMax: 2 },
      { slotCount: 256, contextLength: 8, passTokensMax: 1, passRowsMax: 1, deterministic: true },
    ]) {
      // Probed first: where llama.cpp aborts, this test fails by name and the rest goes on.
      const variant = await loadLlamaEngine({
        ...small,
        modelPath: draft,
        probe: true,
        ...changes,
      });
      const slot = (changes.slotCount - 1) as never;
      await variant.open(slot, config);
      const { drafted } = await variant.draft({ ...draftDefaults, slot, countMax: 4 }).done;
      assert.equal(drafted.length, 4);
      await variant.close();
    }
  });

  it('stopping a draft that has ended leaves later drafts alone, stopped or not', async () => {
    await engine.open(0 as never, config);
    const ended = engine.draft({ ...draftDefaults, countMax: 1 });
    await ended.done;
    // 63 calls between give the next draft the flag of the one that has ended.
    await Promise.all(Array.from({ length: 63 }, () => engine.truncate(0 as never, 0)));
    const run = engine.draft({ ...draftDefaults, countMax: 100 });
    run.stop();
    ended.stop();
    assert.equal((await run.done).reason, 'stopped');
  });

  it('keeps the event loop free while it computes', async () => {
    const slot = 0 as never;
    await engine.open(slot, config);
    const run = engine.draft({ ...draftDefaults, countMax: 100 });
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await run.done;
    clearInterval(timer);
    assert.ok(turns >= 3, `the event loop turned ${turns} times during 100 tokens`);
  });

  it('rejects pending work when it is closed', async () => {
    const other = await loadLlamaEngine({ ...small, modelPath: draft });
    await other.open(0 as never, config);
    const run = other.draft({ ...draftDefaults, countMax: 120 });
    const closing = other.close();
    const end = await run.done.catch((error: unknown) => error);
    assert.ok(end instanceof PilotfishError || (end as { reason: string }).reason === 'stopped');
    await closing;
  });
});

const config = {
  sampling: { ...plainSampling, temperature: 0 },
  seed: 1n,
  promptLength: 1,
};

const draftDefaults = {
  slot: 0 as never,
  from: 0,
  tokens: Int32Array.of(1),
  stop: { confidenceMin: 0 },
  scheme: 'greedy',
  attempt: 0,
  wantConfidence: false,
} as const;

async function greedyText(engine: LlamaEngine): Promise<string> {
  await engine.open(0 as never, config);
  const { drafted } = await engine.draft({ ...draftDefaults, countMax: 40 }).done;
  return drafted.map(({ token }) => engine.info.vocabulary.tokenText(token)).join('');
}

// Runs `pilotfish serve` with drafts of its own, as a user does: the texts are those of a server
// without drafts, over HTTP and for a device, and take fewer passes.

import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { startApiServer } from '../api/backends/api-server.suite.js';
import { type ConnectOptions, connect, type DrafterChoice } from '../device/index.js';
import { tinyModel } from '../engine/gguf/tiny-model.suite.js';
import { writeGguf } from '../engine/gguf/writer.js';
import { bundledModel, loadLlamaEngine } from '../engine/llama/index.js';
import { plainSampling } from '../math/sampling.js';
import type { ServerStats } from '../server/index.js';
import { nominalEngine } from './demo/paced-engine.js';
import { run, withServe } from './processes/command.suite.js';

const served = ['serve', '-m', 'stories-target', '-t', '1', '--slots', '2', '-c', '256'];

interface Completion {
  readonly choices: readonly [{ readonly text: string }];
  readonly usage: { readonly completion_tokens_details: Readonly<Record<string, number>> };
  readonly metrics: {
    readonly speculative_decoding: {
      readonly num_tokens_by_source: Readonly<Record<string, number>>;
    };
  };
}

const httpOf = (url: string): string => url.replace('ws:', 'http:');

async function complete(url: string, body: object): Promise<Completion> {
  const answer = await fetch(`${httpOf(url)}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'stories-target', max_tokens: 40, seed: 5, ...body }),
  });
  assert.equal(answer.status, 200);
  return (await answer.json()) as Completion;
}

const coreOf = async (url: string): Promise<ServerStats['core']> =>
  ((await (await fetch(`${httpOf(url)}/stats`)).json()) as ServerStats).core;

const prompt = 'The old clock in the hallway';

/** The texts of both temperatures: over HTTP, for a device without drafts and for one with. */
async function textsFrom(url: string): Promise<string[]> {
  const engine = await loadLlamaEngine({ modelPath: bundledModel('stories-draft'), threads: 1 });
  const drafters: DrafterChoice[] = [{ kind: 'none' }, { kind: 'engine', engine }];
  const texts: string[] = [];
  for (const temperature of [0, 0.8]) {
    texts.push((await complete(url, { prompt, temperature })).choices[0].text);
    for (const drafter of drafters) {
      const { vocabulary } = engine.info;
      texts.push(await answerFor({ url, drafter, vocabulary }, temperature));
    }
  }
  await engine.close();
  return texts;
}

async function answerFor(options: ConnectOptions, temperature: number): Promise<string> {
  const client = await connect(options);
  const sampling = { ...plainSampling, temperature };
  let text = '';
  for await (const piece of client.generate({ prompt, sampling, seed: 5n, tokensMax: 40 })) {
    if (piece.kind === 'token') text += piece.text;
  }
  await client.close();
  return text;
}

describe('pilotfish serve with drafts of its own', () => {
  it('writes the same texts with a draft model as without one, in fewer passes', async () => {
    const seen: { texts: string[]; core: ServerStats['core'] }[] = [];
    const readyLines: string[] = [];
    for (const draft of ['none', 'suffix,stories-draft']) {
      const ended = await withServe(
        [...served, '--deterministic', '--draft', draft],
        async ({ url }) => {
          seen.push({ texts: await textsFrom(url), core: await coreOf(url) });
        },
      );
      readyLines.push(ended.out);
    }
    const [none, both] = seen;
    assert.deepEqual(both!.texts, none!.texts);
    assert.equal(new Set(none!.texts).size, 2, none!.texts.join('\n'));
    assert.equal(none!.core.sources.modelCount, 0);
    assert.ok(both!.core.sources.modelCount > 0, 'the draft model has not helped');
    assert.ok(both!.core.passCount < none!.core.passCount, `${both!.core.passCount} passes`);
    assert.equal(both!.core.draftFailureCount, 0);
    assert.match(readyLines[0]!, /slots of 256 tokens\n$/);
    assert.match(readyLines[1]!, /; drafts by Llama Stories Draft 0\.8M and look-up\n$/);
  });

  it('looks up drafts for plain clients where the text repeats: far fewer passes', async () => {
    // The records of the answer repeat that of the prompt, as an edit of given code does.
    const record = { name: 'The old clock', place: 'the quiet house' };
    const schema = { type: 'array', items: { const: record }, minItems: 3, maxItems: 3 };
    const body = {
      prompt: JSON.stringify([record]),
      temperature: 0,
      max_tokens: 300,
      response_format: { type: 'json_schema', json_schema: { name: 'records', schema } },
    };
    const engine = await loadLlamaEngine({ modelPath: bundledModel('stories-target'), threads: 1 });
    // It says that a token more in a pass costs nothing, as a large target would.
    const large = nominalEngine(engine, 5);
    const seen: { answer: Completion; passCount: number }[] = [];
    for (const drafting of [{}, { suffixBytesMax: 2 ** 20 }]) {
      const { server } = await startApiServer(large, { drafting });
      const answer = await complete(server.address, { ...body, model: 'toy' });
      seen.push({ answer, passCount: server.stats().core.passCount });
      await server.close();
    }
    await engine.close();
    const [alone, lookUp] = seen;
    assert.deepEqual(lookUp!.answer.choices, alone!.answer.choices);
    assert.deepEqual(JSON.parse(alone!.answer.choices[0].text), [record, record, record]);
    assert.ok(
      lookUp!.passCount < 0.6 * alone!.passCount,
      `${lookUp!.passCount} passes with a look-up, ${alone!.passCount} without`,
    );
    const { num_tokens_by_source: counts } = lookUp!.answer.metrics.speculative_decoding;
    assert.equal(
      lookUp!.answer.usage.completion_tokens_details['accepted_prediction_tokens'],
      counts['suffix'],
    );
  });

  it('says where a draft model of a shorter context stops, and refuses foreign ones', async () => {
    const ended = await withServe([...served, '-c', '600', '--draft', 'stories-draft'], () =>
      Promise.resolve(),
    );
    assert.match(ended.err, /Draft 0\.8M drafts in the first 512 of 600 tokens/);
    const { metadata, tensors } = tinyModel();
    const path = join(tmpdir(), `pilotfish-foreign-${process.pid}.gguf`);
    await writeGguf(path, metadata, tensors);
    try {
      const { code, err } = await run([...served, '--draft', path]);
      assert.equal(code, 3);
      assert.match(err, /vocabularies differ: first difference at id 259/);
      assert.match(err, /draft model of the same family/);
    } finally {
      rmSync(path);
    }
  });
});

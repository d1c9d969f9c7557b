// Runs `pilotfish serve` with drafts of its own, as a user does: the texts are those of a server
// without drafts, over HTTP and for a device, and take fewer passes.

import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { connect } from '../device/index.js';
import { tinyModel } from '../engine/gguf/tiny-model.suite.js';
import { writeGguf } from '../engine/gguf/writer.js';
import { plainSampling } from '../math/sampling.js';
import type { ServerStats } from '../server/index.js';
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

/** The texts of both temperatures, over HTTP and for a device that drafts nothing. */
async function textsFrom(url: string): Promise<string[]> {
  const texts: string[] = [];
  const client = await connect({ url, drafter: { kind: 'none' } });
  for (const temperature of [0, 0.8]) {
    const prompt = 'The old clock in the hallway';
    texts.push((await complete(url, { prompt, temperature })).choices[0].text);
    const sampling = { ...plainSampling, temperature };
    let text = '';
    for await (const piece of client.generate({ prompt, sampling, seed: 5n, tokensMax: 40 })) {
      if (piece.kind === 'token') text += piece.text;
    }
    texts.push(text);
  }
  await client.close();
  return texts;
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
    assert.equal(none!.core.sources.modelCount, 0);
    assert.ok(both!.core.sources.modelCount > 0, 'the draft model has not helped');
    assert.ok(both!.core.passCount < none!.core.passCount, `${both!.core.passCount} passes`);
    assert.equal(both!.core.draftFailureCount, 0);
    assert.match(readyLines[0]!, /slots of 256 tokens\n$/);
    assert.match(readyLines[1]!, /; drafts by Llama Stories Draft 0\.8M and look-up\n$/);
  });

  it('drafts for plain clients from what their text repeats', async () => {
    const line = 'Tom had a red ball. Tom had a blue ball. ';
    const body = { prompt: line.repeat(4), temperature: 0, max_tokens: 60 };
    const passes = new Map<string, number>();
    let usage: Completion | null = null;
    for (const draft of ['none', 'suffix']) {
      await withServe([...served, '--draft', draft], async ({ url }) => {
        usage = await complete(url, body);
        passes.set(draft, (await coreOf(url)).passCount);
      });
    }
    const [alone, drafted] = [passes.get('none')!, passes.get('suffix')!];
    assert.ok(drafted < 0.7 * alone, `${drafted} passes with a look-up, ${alone} without`);
    const { suffix, target } = usage!.metrics.speculative_decoding.num_tokens_by_source;
    assert.ok(suffix! > target!, `${suffix} tokens looked up, ${target} of the target`);
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

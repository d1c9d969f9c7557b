// Checks formats over the wire: every answer satisfies its schema under every scheme and mode,
// drafts use the same mask, and a schema that cannot be followed is refused by the first end that
// reads it.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createScriptedEngine } from '../engine/scripted-engine.js';
import { plainSampling } from '../math/sampling.js';
import { isOffered, modes, schemes } from '../protocol/frame.js';
import { type RunningServer, startServer } from '../server/index.js';
import { type Client, connect, type GenerateOptions } from './index.js';

const schema = {
  type: 'array',
  items: {
    type: 'object',
    properties: { a: { type: 'string', maxLength: 4 }, aa: { enum: [1, 11] } },
    required: ['aa'],
    additionalProperties: false,
  },
  minItems: 1,
  maxItems: 2,
};

/** The schema once more, in words of its own. */
function satisfies(text: string): boolean {
  const items = JSON.parse(text) as readonly { readonly a?: string; readonly aa: number }[];
  const isItem = ({ a = '', aa, ...rest }: { readonly a?: string; readonly aa: number }): boolean =>
    [...a].length <= 4 && [1, 11].includes(aa) && Object.keys(rest).length === 0;
  return (items.length === 1 || items.length === 2) && items.every(isItem);
}

describe('formats on a device', () => {
  const target = createScriptedEngine({ alphabet: 'json' });
  const draft = createScriptedEngine({ alphabet: 'json', divergence: 0.3 });
  let server: RunningServer;
  let client: Client;
  before(async () => {
    server = await startServer({ engine: target, port: 0 });
    client = await connect({ url: server.address, drafter: { kind: 'engine', engine: draft } });
  });
  after(async () => {
    await client.close();
    await server.close();
    await Promise.all([target.close(), draft.close()]);
  });

  const options = (changes: Partial<GenerateOptions>): GenerateOptions => ({
    ids: Int32Array.of(0, 3),
    sampling: { ...plainSampling, topK: 12 },
    tokensMax: 200,
    format: { kind: 'json-schema', schema },
    ...changes,
  });

  for (const scheme of schemes) {
    it(`are satisfied under ${scheme} in every mode, and drafts stand`, async () => {
      const sampling = { ...plainSampling, temperature: scheme === 'greedy' ? 0 : 1 };
      for (const seed of [1n, 2n, 3n]) {
        const texts = new Set<string>();
        for (const mode of modes.filter((word) => isOffered(scheme, word))) {
          const answer = client.generate(options({ scheme, mode, seed, sampling }));
          const { text, reason, statistics } = await answer.result;
          assert.equal(reason, 'end-of-text');
          assert.ok(satisfies(text), text);
          texts.add(text);
          if (mode === 'stop-and-wait') assert.ok(statistics.acceptedCount > 0);
        }
        if (scheme === 'greedy' || scheme === 'coupled') assert.equal(texts.size, 1);
      }
    });
  }

  it('let any JSON object be asked for, with log-probabilities beside it', async () => {
    const answer = client.generate(
      options({ format: { kind: 'json-object' }, topLogprobs: 2, seed: 5n }),
    );
    const reported = [];
    for await (const piece of answer) if (piece.kind === 'token') reported.push(piece.logprobs);
    const { text, tokens } = await answer.result;
    assert.equal(typeof JSON.parse(text), 'object');
    assert.equal(reported.length, tokens.length);
    assert.ok(reported.every((logprobs) => logprobs?.top.length === 2 && logprobs.logprob <= 0));
  });

  it('that cannot be followed are refused at once, by the server where the device has no vocabulary', async () => {
    const bad: GenerateOptions['format'] = {
      kind: 'json-schema',
      schema: { properties: { a: { not: {} } } },
    };
    assert.throws(() => client.generate(options({ format: bad })), {
      code: 'format-invalid',
      message: /#\/properties\/a\/not/,
    });
    const blind = await connect({ url: server.address, drafter: { kind: 'none' } });
    await assert.rejects(blind.generate(options({ format: bad })).result, {
      code: 'format-invalid',
      message: /#\/properties\/a\/not/,
    });
    assert.ok(satisfies((await client.generate(options({})).result).text));
    await blind.close();
  });

  it('and log-probabilities are asked for within bounds', () => {
    assert.throws(() => client.generate(options({ topLogprobs: 21 })), { code: 'usage' });
    assert.throws(() => client.generate(options({ topLogprobs: 1, tokensMax: 40_000 })), {
      code: 'usage',
    });
    const cyclic: { self?: unknown } = {};
    cyclic.self = cyclic;
    const format = { kind: 'json-schema', schema: cyclic } as const;
    assert.throws(() => client.generate(options({ format })), { code: 'format-invalid' });
  });
});

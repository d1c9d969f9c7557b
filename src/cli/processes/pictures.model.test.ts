// Sends pictures to a real `serve --mmproj` with OpenAI's own client: the text is mtmd's own,
// streamed or not, with a schema, whatever drafts. A picture is encoded once, and no hostile one
// ends the server.

import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { before, describe, it } from 'node:test';
import fc from 'fast-check';
import OpenAI, { APIError } from 'openai';
import sharp from 'sharp';
import { fuzzing } from '../../base/fuzz.suite.js';
import { mediaMarker, textsOfMtmd } from '../../engine/llama/eyes/mtmd-texts.suite.js';
import {
  drawPicture,
  robotEncoder,
  robotTarget,
  whyNoEyes,
} from '../../engine/llama/eyes/robot-files.suite.js';
import type { ImagePixels } from '../../engine/llama/ffi/mtmd.js';
import { loadLlamaEngine } from '../../engine/llama/index.js';
import { animation } from '../../pictures/drawn.suite.js';
import { png } from '../../pictures/png-writer.js';
import {
  type PictureEdit,
  pictureEdits,
  pictureSources,
  spoiled,
} from '../../pictures/spoiled.suite.js';
import type { ServerStats } from '../../server/index.js';
import { withServe } from './command.suite.js';

const robotDraft = join(dirname(robotTarget), 'robot-draft-f16.gguf');
const tokensMax = 32;
const questions = ['Describe the scene.', 'Go to the red chair.', 'How many objects do you see?'];
const action = {
  type: 'object',
  properties: {
    turn: { type: 'integer' },
    forward: { type: 'number' },
    stop: { type: 'boolean' },
  },
  required: ['turn', 'forward', 'stop'],
  additionalProperties: false,
};

interface Case {
  readonly question: string;
  readonly picture: ImagePixels;
  readonly url: string;
  /** What mtmd writes. */
  expected: string;
}

type Part = OpenAI.ChatCompletionContentPart;
const shown = (url: string): Part => ({ type: 'image_url', image_url: { url } });
const said = (text: string): Part => ({ type: 'text', text });
const urlOf = (bytes: Uint8Array, kind = 'png'): string =>
  `data:image/${kind};base64,${Buffer.from(bytes).toString('base64')}`;

const pngOf = ({ rgb, width, height }: ImagePixels): Promise<Buffer> =>
  sharp(rgb, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();

async function makeCases(): Promise<Case[]> {
  const cases: Case[] = [];
  for (const seed of [1, 2, 3]) {
    const picture = drawPicture(seed);
    const url = urlOf(await pngOf(picture));
    for (const question of questions) cases.push({ question, picture, url, expected: '' });
  }
  const engine = await loadLlamaEngine({ modelPath: robotTarget, threads: 1, slotCount: 1 });
  const { vocabulary } = engine.info;
  const texts = textsOfMtmd(
    cases.map(({ question, picture }) => ({
      text: `${mediaMarker}${question}\n`,
      pictures: [picture],
    })),
    vocabulary.size,
    tokensMax,
  );
  for (const [index, ids] of texts.entries()) {
    const end = ids.findIndex((id) => vocabulary.endOfText.has(id));
    const bytes = ids.slice(0, end < 0 ? undefined : end).map((id) => vocabulary.tokenBytes(id));
    cases[index]!.expected = Buffer.concat(bytes).toString();
  }
  await engine.close();
  return cases;
}

const served = (...draft: string[]): string[] => [
  ...['serve', '-m', robotTarget, '--mmproj', robotEncoder, '-t', '1', '--slots', '4', ...draft],
];

/** A server's client, its model, and what it says of its pictures. */
async function withClient(
  args: readonly string[],
  use: (parts: {
    readonly client: OpenAI;
    readonly model: string;
    readonly stats: () => Promise<ServerStats>;
  }) => Promise<void>,
): Promise<void> {
  const { code, err, out } = await withServe(args, async ({ url }) => {
    const http = url.replace('ws:', 'http:');
    const client = new OpenAI({ baseURL: `${http}/v1`, apiKey: 'none', maxRetries: 0 });
    const [{ id: model }] = (await client.models.list()).data as [OpenAI.Model];
    const stats = async () => (await (await fetch(`${http}/stats`)).json()) as ServerStats;
    await use({ client, model, stats });
    const { pictures } = await stats();
    assert.equal(pictures.heldCount, 0, 'a picture is held by no answer');
  });
  assert.equal(code, 0, err);
  assert.match(out, /; sees pictures\n$/);
}

describe('pictures for serve --mmproj', { skip: whyNoEyes() }, () => {
  let cases: Case[];
  before(async () => {
    cases = await makeCases();
    assert.ok(new Set(cases.map(({ expected }) => expected)).size > 4, 'the pictures say nothing');
  });

  const requestOf = (model: string, { question, url }: Pick<Case, 'question' | 'url'>) => ({
    ...{ model, temperature: 0, max_tokens: tokensMax },
    messages: [{ role: 'user' as const, content: [shown(url), said(question)] }],
  });

  for (const draft of [
    ['-md', 'none'],
    ['-md', 'suffix'],
    ['-md', `${robotDraft},suffix`],
  ]) {
    it(`give mtmd's texts, streamed and not, twice, with ${draft[1]!.split('/').at(-1)}`, async () => {
      await withClient(served(...draft), async ({ client, model, stats }) => {
        for (const one of [...cases, ...cases]) {
          const request = requestOf(model, one);
          const { choices, usage } = await client.chat.completions.create(request);
          assert.equal(choices[0]!.message.content, one.expected);
          assert.ok(usage!.prompt_tokens > 16, `${usage!.prompt_tokens} tokens, image included`);
          const stream = await client.chat.completions.create({ ...request, stream: true });
          let text = '';
          for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
          assert.equal(text, one.expected);
        }
        const { encodedCount, keptCount } = (await stats()).pictures;
        assert.deepEqual([encodedCount, keptCount], [3, 3]);
      });
    });
  }

  it('encode nothing for a picture that was seen, and find it in the cache', async () => {
    await withClient(served(), async ({ client, model, stats }) => {
      const ask = async (question: string) => {
        const request = requestOf(model, { ...cases[0]!, question });
        return (await client.chat.completions.create(request)).usage!;
      };
      const first = await ask(questions[0]!);
      assert.equal(first.prompt_tokens_details?.cached_tokens, 0);
      assert.equal((await stats()).pictures.encodedCount, 1);
      const passCount = (await stats()).core.fedCount;
      const again = await ask(questions[0]!);
      assert.equal(again.prompt_tokens_details?.cached_tokens, first.prompt_tokens - 1);
      const other = await ask(questions[1]!);
      assert.ok(other.prompt_tokens_details!.cached_tokens! >= 17, 'start and image');
      assert.equal((await stats()).pictures.encodedCount, 1);
      assert.ok((await stats()).core.fedCount > passCount);
    });
  });

  it('give an action that fits its schema, as mtmd writes it', async () => {
    await withClient(served(), async ({ client, model }) => {
      const actions = cases.filter(({ question }) => question.startsWith('Go'));
      for (const one of actions) {
        const { choices } = await client.chat.completions.create({
          ...requestOf(model, one),
          response_format: { type: 'json_schema', json_schema: { name: 'action', schema: action } },
        });
        const { content } = choices[0]!.message;
        assert.equal(content, one.expected);
        const { turn, forward, stop } = JSON.parse(content);
        assert.deepEqual(
          [typeof turn, typeof forward, typeof stop],
          ['number', 'number', 'boolean'],
        );
      }
    });
  });

  it('share passes with other prompts, with pictures and without', async () => {
    await withClient(served(), async ({ client, model }) => {
      const ask = async (one: Case) => {
        const { choices } = await client.chat.completions.create(requestOf(model, one));
        assert.equal(choices[0]!.message.content, one.expected);
      };
      const plain = { ...{ model, temperature: 0, max_tokens: 8 }, messages: [] };
      const text = () =>
        client.chat.completions.create({ ...plain, messages: [{ role: 'user', content: 'Go.' }] });
      await Promise.all([...cases.map(ask), text(), text(), ...cases.map(ask)]);
    });
  });

  it('get a typed refusal where they are hostile, and the server lives on', async () => {
    const files = await Promise.all(pictureSources.map((source) => source.toBuffer()));
    const runs = fuzzing<[number, PictureEdit[]]>(150);
    await withClient(served(), async ({ client, model, stats }) => {
      let [refused, answered] = [0, 0];
      /** @returns the refusal's code; null: it was answered. */
      const ask = async (bytes: Uint8Array, kind: string): Promise<string | null> => {
        const request = requestOf(model, { question: 'Go.', url: urlOf(bytes, kind) });
        try {
          await client.chat.completions.create({ ...request, max_tokens: 1 });
          return null;
        } catch (reason) {
          assert.ok(reason instanceof APIError, String(reason));
          assert.ok(reason.status === 400, `${reason.status}: ${reason.message}`);
          return `${reason.code}`;
        }
      };
      const kinds = ['png', 'jpeg', 'jpeg', 'webp', 'webp'];
      const check = async (which: number, edits: PictureEdit[]): Promise<void> => {
        const code = await ask(spoiled(files[which]!, edits), kinds[which]!);
        if (code === null) answered++;
        else {
          assert.equal(code, 'invalid_value');
          refused++;
        }
      };
      const which = fc.nat(files.length - 1);
      await fc.assert(fc.asyncProperty(which, pictureEdits, check), runs);
      assert.ok(refused > 20 && answered > 5, `${refused} refused, ${answered} answered`);
      const bomb = png({ width: 2 ** 30, height: 2 ** 30 });
      // Its header is sound: only the decoder finds that it has no pixels.
      const hollow = png({ width: 4000, height: 4000 });
      const motion = await animation('webp');
      for (const [bytes, kind] of [
        [bomb, 'png'],
        [hollow, 'png'],
        [motion, 'webp'],
        [png({ depth: 16 }), 'png'],
        [Buffer.from('<svg/>'), 'png'],
      ] as const) {
        assert.equal(await ask(bytes, kind), 'invalid_value');
      }
      const [one] = cases;
      const { choices } = await client.chat.completions.create(requestOf(model, one!));
      assert.equal(choices[0]!.message.content, one!.expected);
      assert.equal((await stats()).pictures.heldCount, 0);
    });
  });

  it('are refused by a server without eyes', async () => {
    const blind = ['serve', '-m', robotTarget, '-t', '1'];
    await withServe(blind, async ({ url }) => {
      const baseURL = `${url.replace('ws:', 'http:')}/v1`;
      const client = new OpenAI({ baseURL, apiKey: 'none', maxRetries: 0 });
      const model = (await client.models.list()).data[0]!.id;
      const asked = client.chat.completions.create(requestOf(model, cases[0]!));
      await assert.rejects(asked, { status: 400, message: /takes no pictures/ });
    });
  });
});

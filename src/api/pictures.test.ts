// Tests pictures in chats, sent with OpenAI's own client: places and bytes reach the generator.
// Hostile pictures, and pictures for a model without eyes, are refused.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import OpenAI, { APIError, BadRequestError } from 'openai';
import { drawn } from '../pictures/drawn.suite.js';
import { png } from '../pictures/png-writer.js';
import { promptPictureLimits } from '../pictures/prompt-picture.js';
import { card, modelName, type OpenApi, openApi, ScriptedGenerator } from './api.suite.js';
import { shortBytes } from './bodies/body-reader.js';
import { bodyBytesMax } from './http-api.js';

const generator = new ScriptedGenerator();
let api: OpenApi;
let client: OpenAI;
let photo: Buffer;

before(async () => {
  api = await openApi(generator);
  client = new OpenAI({ baseURL: `${api.url}/v1`, apiKey: 'none', maxRetries: 0 });
  // Longer than a body that is read at once.
  photo = await drawn(1200, 900).jpeg({ quality: 100 }).toBuffer();
  assert.ok(photo.length > shortBytes, `${photo.length}`);
});
after(() => api.close());

type Content = OpenAI.ChatCompletionContentPart[];
const dataUrl = (bytes: Uint8Array, kind = 'png'): string =>
  `data:image/${kind};base64,${Buffer.from(bytes).toString('base64')}`;
const shown = (url: string): Content[number] => ({
  type: 'image_url',
  image_url: { url, detail: 'low' },
});
const asked = (content: Content) =>
  client.chat.completions.create({ model: modelName, messages: [{ role: 'user', content }] });

async function refusal(content: Content): Promise<BadRequestError> {
  const before = generator.requests.length;
  const error = await asked(content).then(
    () => assert.fail('it was answered'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof BadRequestError, String(error));
  assert.equal(error.code, 'invalid_value');
  assert.equal(generator.requests.length, before);
  return error;
}

describe('a model with eyes', () => {
  before(() => {
    generator.models = [{ ...card, seesPictures: true }];
  });

  it('gets the pictures of a chat and their places, short and long bodies alike', async () => {
    for (const large of [png({}), photo]) {
      const kind = large === photo ? 'jpeg' : 'png';
      await client.chat.completions.create({
        model: modelName,
        messages: [
          { role: 'system', content: 'Look.' },
          {
            role: 'user',
            content: [
              { type: 'text', text: 'One: ' },
              shown(dataUrl(large, kind)),
              { type: 'text', text: ', two: ' },
              shown(dataUrl(png({}))),
            ],
          },
        ],
      });
      assert.deepEqual(generator.requests.at(-1)!.prompt, {
        kind: 'messages',
        messages: [
          { role: 'system', content: 'Look.' },
          { role: 'user', content: 'One: , two: ' },
        ],
        pictures: [
          { message: 1, at: 5, bytes: new Uint8Array(large) },
          { message: 1, at: 12, bytes: new Uint8Array(png({})) },
        ],
      });
    }
  });

  it('gets none that is remote, mislabelled, a bomb, animated or too much', async () => {
    const bomb = png({ width: 2 ** 30, height: 2 ** 30 });
    const cases: readonly [Content, RegExp][] = [
      [[shown('https://example.com/a.png')], /never fetched/],
      [[shown(dataUrl(png({}), 'jpeg'))], /labelled "image\/jpeg", but is image\/png/],
      [[shown(dataUrl(bomb))], /1073741824 x 1073741824 pixels/],
      [[shown(dataUrl(png({ depth: 16 })))], /16 bits/],
      [[shown(dataUrl(photo.subarray(0, -2), 'jpeg'))], /ends too early/],
    ];
    for (const [content, why] of cases) {
      const error = await refusal([{ type: 'text', text: 'a' }, ...content]);
      assert.match(error.message, why);
      assert.equal(error.param, 'messages[0].content[1].image_url.url');
    }
  });

  it('gets as many as the wire takes, and is not asked with more', async () => {
    const several = (length: number): Content =>
      Array.from({ length }, () => shown(dataUrl(png({}))));
    const { count } = promptPictureLimits;
    await asked(several(count));
    const { prompt } = generator.requests.at(-1)!;
    assert.equal(prompt.kind === 'messages' && prompt.pictures.length, count);
    const many = await refusal(several(count + 1));
    assert.match(many.message, /'messages': 9 pictures; at most 8 are allowed/);
    assert.equal(many.param, 'messages');
    // All in one body: it is too long before its pictures are.
    const long = await asked(several(1).concat({ type: 'text', text: 'a'.repeat(bodyBytesMax) }))
      .then(() => null)
      .catch((reason: APIError) => reason);
    assert.ok(long instanceof APIError && long.status === 413, String(long));
  });

  it('gets none in the name of another role', async () => {
    const content = [{ type: 'image_url', image_url: { url: dataUrl(png({})) } }];
    const messages = [{ role: 'system', content }];
    const response = await api.post('/v1/chat/completions', { model: modelName, messages });
    assert.equal(response.status, 400);
    assert.match(await response.text(), /'messages\[0\]\.content': pictures are the user's/);
  });
});

describe('a model without eyes', () => {
  before(() => {
    generator.models = [card];
  });

  it('refuses pictures by name', async () => {
    const error = await refusal([shown(dataUrl(png({})))]);
    assert.match(error.message, /the model 'toy' takes no pictures/);
  });
});

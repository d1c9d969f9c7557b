// Sends pictures from real devices to a real `serve --mmproj`: `run -i`, and OpenAI's client to
// `device --http`. The text is mtmd's own, with and without a draft model, in every mode.

import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import OpenAI from 'openai';
import sharp from 'sharp';
import { mediaMarker, textsOfMtmd } from '../../engine/llama/eyes/mtmd-texts.suite.js';
import {
  drawPicture,
  robotEncoder,
  robotTarget,
  whyNoEyes,
} from '../../engine/llama/eyes/robot-files.suite.js';
import { loadLlamaEngine } from '../../engine/llama/index.js';
import { isOffered } from '../../protocol/frame.js';
import { breakingProxy } from '../conformance/breaking-proxy.suite.js';
import { newPicture } from '../conformance/probe-pictures.js';
import { freePort } from './cli-process.suite.js';
import { type Ended, type Running, run, withServe } from './command.suite.js';

const robotDraft = join(dirname(robotTarget), 'robot-draft-f16.gguf');
const tokensMax = 32;
const question = 'Go to the red chair.';
const modes = ['auto', 'race', 'stop-and-wait', 'pipeline'] as const;
const drafters = [
  ['-md', robotDraft],
  ['--draft', 'suffix', '--vocab', robotTarget],
] as const;
const noDrafter = ['--draft', 'none', '--vocab', robotTarget];

describe('pictures from a device', { skip: whyNoEyes() }, () => {
  const picture = drawPicture(2);
  let folder: string;
  let file: string;
  let bytes: Buffer;
  /** What mtmd writes. */
  let expected: string;
  /** Its ids, with the token that ends the text. */
  let expectedIds: number[];
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'pilotfish-pictures-'));
    file = join(folder, 'room.png');
    const { rgb, width, height } = picture;
    bytes = await sharp(rgb, { raw: { width, height, channels: 3 } })
      .png()
      .toBuffer();
    writeFileSync(file, bytes);
    const engine = await loadLlamaEngine({ modelPath: robotTarget, threads: 1, slotCount: 1 });
    const { vocabulary } = engine.info;
    const asked = { text: `${mediaMarker}${question}\n`, pictures: [picture] };
    const [ids] = textsOfMtmd([asked], vocabulary.size, tokensMax);
    const end = ids!.findIndex((id) => vocabulary.endOfText.has(id));
    expectedIds = ids!.slice(0, end < 0 ? undefined : end + 1);
    const words = ids!.slice(0, end < 0 ? undefined : end);
    expected = Buffer.concat(words.map((id) => vocabulary.tokenBytes(id))).toString();
    await engine.close();
  });
  after(() => rmSync(folder, { recursive: true }));

  const served = async (use: (url: string) => Promise<void>, ...flags: string[]): Promise<void> => {
    const args = ['serve', '-m', robotTarget, '--mmproj', robotEncoder, '-t', '1', '--slots', '4'];
    const { code, err } = await withServe([...args, ...flags], ({ url }) => use(url));
    assert.equal(code, 0, err);
  };

  interface Document {
    readonly text: string;
    readonly statistics: { readonly draftedCount: number };
  }

  const runAt = async (url: string, ...flags: string[]): Promise<Document> => {
    const usual = ['run', '--server', url, '-t', '1', '-n', `${tokensMax}`, '--json', '-i', file];
    const { code, out, err } = await run([...usual, ...flags, question]);
    assert.equal(code, 0, `${flags.join(' ')}: ${err}`);
    return JSON.parse(out);
  };

  it("have mtmd's text behind them, greedy and coupled, in every mode", async () => {
    await served(async (url) => {
      let draftedCount = 0;
      for (const drafter of drafters) {
        for (const mode of modes) {
          for (const law of ['greedy', 'coupled']) {
            const flags = [...drafter, '--mode', mode, '--temp', '0', '--scheme', law];
            const { text, statistics } = await runAt(url, ...flags);
            assert.equal(text, expected, flags.join(' '));
            draftedCount += statistics.draftedCount;
          }
        }
      }
      assert.ok(draftedCount > 50, `${draftedCount} drafts`);
      assert.equal((await runAt(url, ...noDrafter, '--temp', '0')).text, expected);
    });
  });

  it('give one text for a seed with every drafter and mode', async () => {
    await served(async (url) => {
      const law = ['--seed', '5', '--scheme', 'coupled', '--temp', '0.8'];
      const { text } = await runAt(url, ...noDrafter, ...law);
      for (const mode of modes) {
        const drafted = await runAt(url, '-md', robotDraft, '--mode', mode, ...law);
        assert.equal(drafted.text, text, mode);
      }
    }, '--deterministic');
  });

  it('go with the schemes whose text depends on the drafts', async () => {
    await served(async (url) => {
      for (const scheme of ['split', 'full', 'agreement'] as const) {
        for (const mode of modes.filter((one) => isOffered(scheme, one))) {
          const flags = ['-md', robotDraft, '--scheme', scheme, '--mode', mode, '--temp', '0.8'];
          assert.ok((await runAt(url, ...flags)).text.length > 0, `${scheme} ${mode}`);
        }
      }
    });
  });

  it('go from the device in Python too, cut in its middle or not', {
    skip: noPython(),
  }, async () => {
    await served(async (url) => {
      for (const flags of [
        ['--mode', 'race'],
        ['--mode', 'pipeline', '--drop-every', '8'],
      ]) {
        const args = ['examples/python/device.py', question, '--image', file, '--server', url];
        const { out, code, err } = await runProgram('python3', [
          ...[...args, '--temperature', '0', '--max-tokens', `${tokensMax}`, '--json', ...flags],
        ]);
        assert.equal(code, 0, err);
        assert.deepEqual(JSON.parse(out).ids, expectedIds, flags.join(' '));
      }
    });
  });

  it('are sent again by the device in Python where another server goes on', {
    skip: noPython(),
  }, async () => {
    const long = join(folder, 'noise.png');
    // Too long to follow its Open unasked.
    const noise = newPicture(200);
    writeFileSync(long, noise);
    const write = async (url: string, image: string, ...flags: string[]) => {
      const args = ['examples/python/device.py', question, '--image', image, '--server', url];
      const law = ['--temperature', '0', '--max-tokens', `${tokensMax}`, '--json'];
      const ended = await runProgram('python3', [...args, ...law, ...flags]);
      assert.equal(ended.code, 0, ended.err);
      return JSON.parse(ended.out).ids as readonly number[];
    };
    await served(async (one) => {
      for (const [image, length] of [
        [file, bytes.length],
        [long, noise.length],
      ] as const) {
        const wanted = await write(one, image, '--mode', 'stream');
        if (image === file) assert.deepEqual(wanted, expectedIds);
        // It has never seen the picture. The first Resume there is refused.
        await served(async (other) => {
          const sent: { kinds: string[]; bytes: number }[] = [];
          const proxy = await breakingProxy(
            () => (sent.length === 0 ? one : other),
            () => {
              const line = { kinds: [] as string[], bytes: 0 };
              sent.push(line);
              return {
                up(frame) {
                  if (frame.kind === 'open' || frame.kind === 'resume') line.kinds.push(frame.kind);
                  if (frame.kind === 'picture-part') line.bytes += frame.data.length;
                  return frame;
                },
              };
            },
          );
          const ids = await write(proxy.address, image, '--mode', 'pipeline', '--drop-every', '6');
          proxy.close();
          assert.deepEqual(ids, wanted, image);
          const begun = sent.slice(0, 3).map(({ kinds }) => kinds.join());
          assert.deepEqual(begun, ['open', 'resume', 'open']);
          assert.deepEqual([sent[1]!.bytes, sent[2]!.bytes], [0, length]);
          assert.ok(
            sent.slice(3).every((line) => line.bytes === 0),
            'once at each server',
          );
        });
      }
    });
  });

  const ask = (client: OpenAI, model: string) =>
    client.chat.completions.create({
      ...{ model, temperature: 0, max_tokens: tokensMax },
      messages: [
        {
          role: 'user',
          content: [
            {
              type: 'image_url',
              image_url: { url: `data:image/png;base64,${bytes.toString('base64')}` },
            },
            { type: 'text', text: question },
          ],
        },
      ],
    });

  it('go through the API of a device', async () => {
    await served(async (url) => {
      for (const flags of [['-md', robotDraft], noDrafter]) {
        await withDevice([...flags, '--server', url], async (client, model) => {
          // The second time the picture is only named.
          for (let count = 0; count < 2; count++) {
            const { choices } = await ask(client, model);
            assert.equal(choices[0]!.message.content, expected, flags.join(' '));
          }
        });
      }
    });
  });

  it('are refused alike by a device and its server where they are too many or too long', async () => {
    const image_url = { url: `data:image/png;base64,${bytes.toString('base64')}` };
    const several = (length: number) =>
      Array.from({ length }, () => ({ type: 'image_url', image_url }));
    const refusals = async (http: string): Promise<unknown[]> => {
      const { data } = (await (
        await fetch(`${http}/v1/models`)
      ).json()) as OpenAI.Page<OpenAI.Model>;
      const bodies = [several(9), [...several(1), { type: 'text', text: 'a'.repeat(2 ** 23) }]];
      return Promise.all(
        bodies.map(async (content) => {
          const body = { model: data[0]!.id, messages: [{ role: 'user', content }] };
          const response = await fetch(`${http}/v1/chat/completions`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify(body),
          });
          return [response.status, await response.json()];
        }),
      );
    };
    await served(async (url) => {
      const own = await refusals(url.replace('ws:', 'http:'));
      const [status, { error }] = own[0] as [number, { error: Record<string, string> }];
      assert.deepEqual([status, error['code'], error['param']], [400, 'invalid_value', 'messages']);
      assert.match(error['message']!, /'messages': 9 pictures; at most 8 are allowed/);
      assert.equal((own[1] as [number])[0], 413);
      await withDevice([...noDrafter, '--server', url], async ({ baseURL }) => {
        assert.deepEqual(await refusals(new URL(baseURL).origin), own);
      });
    });
  });

  it('are refused through the API of a device whose server sees none', async () => {
    const blind = ['serve', '-m', robotTarget, '-t', '1'];
    await withServe(blind, async ({ url }) => {
      await withDevice([...noDrafter, '--server', url], async (client, model) => {
        await assert.rejects(ask(client, model), { status: 400 });
      });
      const { code, err } = await run([
        ...['run', '--server', url, ...noDrafter, '-t', '1', '-i', file, question],
      ]);
      assert.notEqual(code, 0);
      assert.match(err, /takes no pictures/);
    });
  });
});

function noPython(): string | false {
  const script = 'import sys; sys.exit(sys.version_info < (3, 9))';
  const { status } = spawnSync('python3', ['-c', script]);
  return status === 0 ? false : 'there is no python3 of version 3.9 or newer';
}

/** Not in step with this process, which may hold the server's output. */
function runProgram(program: string, args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(program, args, (error, out, err) => {
      resolve({ code: error === null ? 0 : 1, out, err });
    });
  });
}

/** Runs `device --http` until `use` returns. */
async function withDevice(
  flags: readonly string[],
  use: (client: OpenAI, model: string) => Promise<void>,
): Promise<void> {
  const port = await freePort();
  const args = ['device', '-t', '1', '--http', `${port}`, ...flags];
  let device: Running | null = null;
  const ended: Promise<Ended> = run(args, {}, (child) => {
    device = child;
  });
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  const base = `http://127.0.0.1:${port}`;
  try {
    while ((await fetch(`${base}/readyz`).catch(() => null))?.status !== 200) {
      assert.ok(!isOver, (isOver ? (await ended).err : '') || 'the device has ended');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const client = new OpenAI({ baseURL: `${base}/v1`, apiKey: 'none', maxRetries: 0 });
    const [model] = (await client.models.list()).data;
    await use(client, model!.id);
  } finally {
    device!.kill('SIGINT');
    await ended;
  }
}

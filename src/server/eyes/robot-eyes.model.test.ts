// Checks the server's eyes with the robot's models: mtmd's texts while images come and go, slots
// are taken away in mid-answer, and the encoder's process dies.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import sharp from 'sharp';
import { PilotfishError } from '../../base/error.js';
import { ImageEncoder } from '../../engine/llama/eyes/image-encoder.js';
import { mediaMarker, textsOfMtmd } from '../../engine/llama/eyes/mtmd-texts.suite.js';
import {
  drawPicture,
  robotEncoder,
  robotTarget,
  whyNoEyes,
} from '../../engine/llama/eyes/robot-files.suite.js';
import { type LlamaEngine, loadLlamaEngine } from '../../engine/llama/llama-engine.js';
import { plainSampling } from '../../math/sampling.js';
import type { PlainRequest } from '../plain-sessions.js';
import { Heard, settled } from '../plain-sessions.suite.js';
import { type RunningServer, startServer } from '../server.js';
import type { ServerOptions } from '../server-options.js';
import { until } from './eyes.suite.js';

const tokensMax = 24;
/** Of a picture's embeddings: 16 tokens of 160 numbers. */
const pictureBytes = 16 * 160 * 4;
const question = 'Describe the scene.';

describe('the eyes of a server', { skip: whyNoEyes() }, () => {
  let engine: LlamaEngine;
  let eyes: ImageEncoder;
  const files: Uint8Array[] = [];
  const expected: number[][] = [];
  before(async () => {
    engine = await loadLlamaEngine({ modelPath: robotTarget, threads: 1, slotCount: 2 });
    eyes = await ImageEncoder.start({ modelPath: robotTarget, encoderPath: robotEncoder });
    const pictures = [1, 2, 3, 4, 5, 6].map((seed) => drawPicture(seed));
    for (const { rgb, width, height } of pictures) {
      files.push(
        await sharp(rgb, { raw: { width, height, channels: 3 } })
          .png()
          .toBuffer(),
      );
    }
    const texts = pictures.map((picture) => ({
      text: `${mediaMarker}${question}\n`,
      pictures: [picture],
    }));
    const { endOfText, size } = engine.info.vocabulary;
    for (const ids of textsOfMtmd(texts, size, tokensMax)) {
      const end = ids.findIndex((id) => endOfText.has(id));
      expected.push(end < 0 ? ids : ids.slice(0, end + 1));
    }
  });
  after(async () => {
    await eyes.close();
    await engine.close();
  });

  const withServer = async (
    options: Partial<ServerOptions>,
    use: (server: RunningServer) => Promise<void>,
  ): Promise<void> => {
    const server = await startServer({ engine, eyes, port: 0, drainMs: 200, ...options });
    try {
      await use(server);
      await settled(server);
      assert.equal(server.stats().pictures.heldCount, 0);
    } finally {
      await server.close();
    }
  };
  const ask = (
    server: RunningServer,
    index: number,
    changes: Partial<PlainRequest> = {},
  ): Heard => {
    const heard = new Heard();
    const messages = [{ role: 'user', content: question }] as const;
    server.plain.write(
      {
        prompt: { kind: 'messages', messages },
        pictures: [{ message: 0, at: 0, bytes: files[index]! }],
        sampling: { ...plainSampling, temperature: 0 },
        ...{ seed: 1n, tokensMax, schema: null, topLogprobs: null },
        ...changes,
      },
      null,
      heard,
    );
    return heard;
  };

  it('write the same when an image was dropped and is encoded again', async () => {
    await withServer({ eyesBytesMax: 2 * pictureBytes }, async (server) => {
      for (const index of [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5]) {
        const heard = ask(server, index);
        assert.ok(typeof (await heard.over) === 'string');
        assert.deepEqual(heard.tokenIds, expected[index], `picture ${index}`);
      }
      const { encodedCount, keptCount, bytes } = server.stats().pictures;
      assert.deepEqual([encodedCount, keptCount, bytes], [12, 2, 2 * pictureBytes]);
    });
  });

  it('write the same when slots are taken away, and images are computed again', async () => {
    // Long texts say little, so that logits are near each other: they have to be the same bits.
    const loaded = { modelPath: robotTarget, threads: 1, slotCount: 2, deterministic: true };
    const exact = await loadLlamaEngine(loaded);
    const logitBias = new Map([...exact.info.vocabulary.endOfText].map((id) => [id, -Infinity]));
    const long = { tokensMax: 80, sampling: { ...plainSampling, temperature: 0, logitBias } };
    try {
      await withServer({ engine: exact, swapBytesMax: 0 }, async (server) => {
        const alone: number[][] = [];
        for (const index of [0, 1, 2, 3, 4, 5]) {
          const heard = ask(server, index, long);
          assert.equal(await heard.over, 'length');
          alone.push(heard.tokenIds);
        }
        assert.equal(server.stats().core.evictionCount, 0);
        const all = alone.map((_, index) => ask(server, index, long));
        for (const [index, heard] of all.entries()) {
          assert.equal(await heard.over, 'length');
          assert.deepEqual(heard.tokenIds, alone[index], `picture ${index}`);
        }
        assert.ok(server.stats().core.evictionCount > 0, 'no slot was taken away');
        assert.equal(server.stats().pictures.encodedCount, 6);
      });
    } finally {
      await exact.close();
    }
  });

  it('refuse what has no room beside running answers, and write the others', async () => {
    await withServer({ eyesBytesMax: 2 * pictureBytes }, async (server) => {
      const all = [0, 1, 2, 3, 4, 5].map((index) => ({ index, heard: ask(server, index) }));
      let writtenCount = 0;
      for (const { index, heard } of all) {
        const end = await heard.over;
        if (end instanceof PilotfishError) assert.equal(end.code, 'server-busy');
        else {
          assert.deepEqual(heard.tokenIds, expected[index]);
          writtenCount++;
        }
      }
      assert.ok(writtenCount >= 2, `${writtenCount} written`);
    });
  });

  it('fail for the picture that ends the encoder, and see the next', async () => {
    await withServer({}, async (server) => {
      const killed = ask(server, 0);
      const { processId } = eyes;
      await until(() => server.stats().pictures.keptCount === 1);
      process.kill(processId!, 'SIGKILL');
      const end = await killed.over;
      const isLate = typeof end === 'string';
      if (!isLate) assert.equal((end as PilotfishError).code, 'engine-failed');
      const next = ask(server, 1);
      assert.ok(typeof (await next.over) === 'string', String(await next.over));
      assert.deepEqual(next.tokenIds, expected[1]);
    });
  });
});

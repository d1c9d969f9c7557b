// Checks what is asked over HTTP, against a stand-in for a server with eyes, and that errands are
// driven by its answers.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { inflateSync } from 'node:zlib';
import { actionSchema, actionText } from '../action.js';
import { driveErrand } from '../drive.js';
import { Robot } from '../robot.js';
import { drawErrand } from '../room/draw-errand.js';
import { palette } from '../room/drawings.js';
import { expertAction, viewOf } from '../room/sights.js';
import { httpEyes } from './http-eyes.js';

interface Asked {
  readonly key: string | undefined;
  readonly body: {
    readonly model: string;
    readonly temperature: number;
    readonly response_format: { readonly json_schema: { readonly schema: unknown } };
    readonly messages: readonly { readonly content: readonly Record<string, never>[] }[];
  };
}

/** @param answer of the chat; a status other than 200 is an error. */
async function withServer(
  answer: (asked: Asked) => { readonly status?: number; readonly text: string },
  work: (base: string, asked: readonly Asked[]) => Promise<void>,
): Promise<void> {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    if (request.url === '/v1/models') {
      response.end('{"data":[{"id":"seer"}]}');
      return;
    }
    let body = '';
    for await (const part of request) body += part;
    asked.push({ key: request.headers.authorization, body: JSON.parse(body) });
    const { status = 200, text } = answer(asked.at(-1)!);
    response.statusCode = status;
    response.end(JSON.stringify({ choices: [{ message: { content: text } }] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    await work(`http://127.0.0.1:${port}`, asked);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** Red, green and blue of each pixel of a PNG as png.ts writes it. */
function pixelsOf(url: string): number[][] {
  const png = Buffer.from(url.replace('data:image/png;base64,', ''), 'base64');
  assert.equal(png.toString('latin1', 1, 4), 'PNG');
  const at = png.indexOf('IDAT');
  const lines = inflateSync(png.subarray(at + 4, at + 4 + png.readUInt32BE(at - 4)));
  const width = png.readUInt32BE(16);
  return Array.from({ length: width * png.readUInt32BE(20) }, (_, pixel) => {
    const row = Math.floor(pixel / width);
    const from = row * (1 + 3 * width) + 1 + 3 * (pixel % width);
    return [...lines.subarray(from, from + 3)];
  });
}

describe('eyes over HTTP', () => {
  it('are shown the picture without loss, the instruction and the schema', async () => {
    const { room, pose, goal } = drawErrand(3);
    const view = viewOf(room, pose);
    await withServer(
      () => ({ text: actionText({ turn: 20, forward: 400, stop: false }) }),
      async (base, asked) => {
        const eyes = await httpEyes(base, 'secret');
        const text = await eyes.act(view, goal, new AbortController().signal);
        assert.equal(text, '{"turn": 20, "forward": 0.4, "stop": false}');
        const [{ key, body }] = asked as [Asked];
        assert.equal(key, 'Bearer secret');
        assert.deepEqual([body.model, body.temperature], ['seer', 0]);
        assert.deepEqual(body.response_format.json_schema.schema, actionSchema);
        const [picture, text_] = body.messages[0]!.content as never as [
          { image_url: { url: string } },
          { text: string },
        ];
        assert.equal(text_.text, `Go to the ${goal}.`);
        const pixels = pixelsOf(picture.image_url.url);
        assert.deepEqual(
          pixels,
          Array.from(view.pixels, (index) => [...palette[index]!]),
        );
      },
    );
  });

  it('name the status and the text of an error', () =>
    withServer(
      () => ({ status: 400, text: 'no eyes here' }),
      async (base) => {
        const eyes = await httpEyes(base, null);
        const view = new Robot(drawErrand(1)).view;
        const asking = eyes.act(view, 'red chair', new AbortController().signal);
        await assert.rejects(asking, /400 .*no eyes here/);
      },
    ));

  it('drive a robot to its goal, and keep it going where an answer fails', async () => {
    const errand = drawErrand(1);
    let robot: Robot | null = null;
    let count = 0;
    await withServer(
      () => {
        if (++count % 3 === 0) return { status: 503, text: 'busy' };
        return { text: actionText(expertAction(robot!.view.sights, errand.goal)) };
      },
      async (base) => {
        const eyes = await httpEyes(base, null);
        const { signal } = new AbortController();
        const report = await driveErrand(errand, eyes, signal, (state) => {
          robot = state.robot;
        });
        assert.ok(report.isDone);
        assert.ok(report.counts.failed > 0);
        assert.match(report.failures[0]!, /503/);
      },
    );
  });
});

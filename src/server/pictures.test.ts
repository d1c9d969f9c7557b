// Checks pictures in plain sessions of a running server: the engine's own text behind them, nothing
// held once sessions are over in any way, and refusals for what cannot be seen.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { slotId } from '../base/brand.js';
import type { ChatMessage } from '../base/chat-message.js';
import { PilotfishError } from '../base/error.js';
import { unlimited } from '../base/key-grant.js';
import type { Engine } from '../engine/engine.js';
import { createScriptedEngine } from '../engine/scripted-engine.js';
import { bannedEnd } from '../engine/scripted-vocabulary.js';
import { decodePicture } from '../pictures/decode-picture.js';
import { toyEngine } from '../sim/toy.js';
import { beginWord, endWord, StandInEncoder, smallPicture, until } from './eyes/eyes.suite.js';
import type { PlainRequest } from './plain-sessions.js';
import { Heard, settled, yielding } from './plain-sessions.suite.js';
import { type RunningServer, startServer } from './server.js';
import type { ServerOptions } from './server-options.js';

const template = "{% for m in messages %}{{ m['content'] }}{{ ' ' }}{% endfor %}";
const terms = { sampling: bannedEnd, seed: 9n, tokensMax: 20, schema: null, topLogprobs: null };

/** @param places of pictures in the message, each with the seed of its picture. */
function asking(
  content: string,
  places: readonly (readonly [at: number, seed: number])[],
  changes: Partial<PlainRequest> = {},
): PlainRequest {
  const messages: ChatMessage[] = [{ role: 'user', content }];
  const pictures = places.map(([at, seed]) => ({ message: 0, at, bytes: smallPicture(seed) }));
  return { prompt: { kind: 'messages', messages }, pictures, ...terms, ...changes };
}

interface Parts {
  readonly server: RunningServer;
  readonly encoder: StandInEncoder;
  readonly engine: Engine;
  /** Images that the engine was asked to see, less those to forget. */
  readonly seenCount: () => number;
}

async function withEyes(
  use: (parts: Parts) => Promise<void>,
  options: Partial<ServerOptions> = {},
): Promise<void> {
  const plain = yielding(createScriptedEngine());
  let seen = 0;
  const engine: Engine = {
    ...plain,
    info: { ...plain.info, chatTemplate: template },
    see: async (image) => {
      const ids = await plain.see(image);
      seen++;
      return ids;
    },
    forget: async (first) => {
      await plain.forget(first);
      seen--;
    },
    close: () => plain.close(),
  };
  const encoder = new StandInEncoder();
  const server = await startServer({ engine, eyes: encoder, port: 0, drainMs: 200, ...options });
  try {
    await use({ server, encoder, engine, seenCount: () => seen });
  } finally {
    encoder.go();
    await server.close();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(seen, 0, 'a closed server has the engine forget all');
    await engine.close();
  }
}

/** What the engine writes alone behind a text with a picture before its first letter. */
async function alone(text: string, seed: number): Promise<number[]> {
  const engine = toyEngine({});
  const { vocabulary } = createScriptedEngine().info;
  const { pieces } = await new StandInEncoder().encode(await decodePicture(smallPicture(seed), 96));
  const image = pieces.find((piece) => piece.kind === 'image');
  assert.ok(image?.kind === 'image');
  const words = vocabulary.tokenize(text, { addBos: false, parseSpecial: true });
  const prompt = [vocabulary.bos!, beginWord, ...engine.see(image), endWord, ...words];
  engine.open(0, { ...terms, promptLength: prompt.length });
  const answer: number[] = [];
  for (let from = 0, tokens = prompt; answer.length < terms.tokensMax; ) {
    const judge = { scheme: 'coupled', draftCount: 0 } as const;
    const segment = { slot: slotId(0), from, tokens: Int32Array.from(tokens), judge };
    const { final } = engine.pass([segment]).outcomes[0]!;
    assert.ok(final !== null && final.kind !== 'law');
    from += tokens.length;
    tokens = [final.token];
    answer.push(final.token);
  }
  return answer;
}

const nothingHeld = async ({ server }: Parts): Promise<void> => {
  await settled(server);
  await until(() => server.stats().pictures.heldCount === 0);
};

describe('pictures in a plain session', () => {
  it('come before what is written about them, and are encoded once', async () => {
    const [first, other] = [await alone('una ', 1), await alone('una ', 2)];
    assert.notDeepEqual(first, other);
    await withEyes(async (parts) => {
      const { server, encoder } = parts;
      for (const [seed, expected, cachedCount] of [
        [1, first, 0],
        [2, other, 0],
        [1, first, 9],
      ] as const) {
        const heard = new Heard();
        server.plain.write(asking('una', [[0, seed]]), null, heard);
        assert.equal(await heard.over, 'length');
        assert.equal(heard.promptLength, 10, 'start, words, image, words');
        assert.deepEqual(heard.tokenIds, expected);
        assert.equal(heard.cachedCount, cachedCount, `of picture ${seed}`);
      }
      assert.equal(encoder.count, 2);
      await nothingHeld(parts);
      assert.deepEqual(server.stats().pictures.keptCount, 2);
    });
  });

  it('are held while it runs, and by each of several answers', async () => {
    await withEyes(async (parts) => {
      const { server } = parts;
      const long = { tokensMax: 200 };
      const heard = [new Heard(), new Heard()];
      const cancels = heard.map((one) =>
        server.plain.write(
          asking(
            'a',
            [
              [0, 1],
              [1, 2],
            ],
            long,
          ),
          null,
          one,
        ),
      );
      await until(() => heard.every(({ tokenIds }) => tokenIds.length > 0));
      assert.equal(server.stats().pictures.heldCount, 2);
      cancels[0]!();
      await until(() => server.plain.count === 1);
      assert.equal(server.stats().pictures.heldCount, 2);
      cancels[1]!();
      await nothingHeld(parts);
    });
  });

  it('are let go where the session is refused', async () => {
    await withEyes(async (parts) => {
      const long = 'a'.repeat(250);
      const cases = [
        [asking(long, [[0, 1]]), 'prompt-too-long'],
        [asking('a', [[0, 1]], { sampling: { ...bannedEnd, topP: 0 } }), 'sampling-invalid'],
        [asking('a', [[0, 1]], { schema: '{"type":"what"}' }), 'format-invalid'],
        [asking('a', [[2, 1]]), 'picture-invalid'],
        [asking('Q', [[0, 1]]), 'token-out-of-range'],
        [
          { ...asking('a', [[0, 1]]), prompt: { kind: 'text', text: 'a' } } as PlainRequest,
          'picture-invalid',
        ],
        [
          { ...asking('a', []), pictures: [{ message: 0, at: 0, bytes: new Uint8Array(9) }] },
          'picture-unsupported',
        ],
      ] as const;
      for (const [request, code] of cases) {
        const heard = new Heard();
        parts.server.plain.write(request, null, heard);
        const error = await heard.over;
        assert.ok(error instanceof PilotfishError, String(error));
        assert.equal(error.code, code);
        await nothingHeld(parts);
      }
    });
  });

  it('are let go where it is cancelled while they are encoded, or just behind', async () => {
    await withEyes(async (parts) => {
      const { server, encoder } = parts;
      encoder.wait();
      const heard = new Heard();
      const cancel = server.plain.write(asking('a', [[0, 1]]), null, heard);
      await until(() => encoder.count === 1);
      assert.equal(server.stats().pictures.heldCount, 1);
      cancel();
      await nothingHeld(parts);
      encoder.go();
      await until(() => server.stats().pictures.bytes > 0);
      // The picture is there now: it is seen in the same moment as the cancellation.
      for (let turn = 0; turn < 12; turn++) {
        const stop = server.plain.write(asking('a', [[0, 1]]), null, heard);
        for (let wait = 0; wait < turn; wait++) await null;
        stop();
        await nothingHeld(parts);
      }
      assert.deepEqual(heard.tokenIds, []);
    });
  });

  it('are let go by a server that closes meanwhile', async () => {
    const heard = [new Heard(), new Heard()];
    await withEyes(
      async ({ server, encoder }) => {
        server.plain.write(asking('a', [[0, 1]], { tokensMax: 200 }), null, heard[0]!);
        await until(() => heard[0]!.tokenIds.length > 0);
        encoder.wait();
        server.plain.write(asking('a', [[0, 2]]), null, heard[1]!);
        await until(() => encoder.count === 2);
        await server.close();
      },
      { drainMs: 1 },
    );
    for (const { over } of heard) assert.ok((await over) instanceof PilotfishError);
  });

  it('are of one key alone', async () => {
    await withEyes(async ({ server, encoder }) => {
      for (const id of ['a', 'b', 'a']) {
        const heard = new Heard();
        server.plain.write(asking('a', [[0, 1]]), { id, limits: unlimited }, heard);
        assert.equal(await heard.over, 'length');
      }
      assert.equal(encoder.count, 2);
    });
  });
});

it('a server without eyes refuses pictures by name', async () => {
  const engine = yielding(createScriptedEngine());
  const server = await startServer({ engine, port: 0 });
  try {
    assert.equal(server.seesPictures, false);
    const heard = new Heard();
    server.plain.write(asking('a', [[0, 1]]), null, heard);
    const error = await heard.over;
    assert.ok(error instanceof PilotfishError && error.code === 'picture-unseen');
  } finally {
    await server.close();
    await engine.close();
  }
});

it('an engine that takes no images gets no eyes', async () => {
  const engine = createScriptedEngine();
  const blind: Engine = { ...engine, info: { ...engine.info, imageWidth: null } };
  const starting = startServer({ engine: blind, eyes: new StandInEncoder(), port: 0 });
  await assert.rejects(starting, { code: 'usage', message: /takes no images/ });
  await engine.close();
});

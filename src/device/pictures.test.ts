// Checks pictures from a device to a running server over real sockets: texts under every scheme and
// mode, bytes that are sent once, and answers that go on elsewhere.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createScriptedEngine } from '../engine/scripted-engine.js';
import { bannedEnd } from '../engine/scripted-vocabulary.js';
import { drawn } from '../pictures/drawn.suite.js';
import { type PromptPicture, promptPictureLimits } from '../pictures/prompt-picture.js';
import { isOffered, modes, schemes } from '../protocol/frame.js';
import { limits } from '../protocol/limits.js';
import { StandInEncoder, smallPicture, until } from '../server/eyes/eyes.suite.js';
import { Heard, yielding } from '../server/plain-sessions.suite.js';
import { type RunningServer, startServer } from '../server/server.js';
import type { ServerOptions } from '../server/server-options.js';
import { type Client, type ConnectOptions, connect } from './client.js';

const template = "{% for m in messages %}{{ m['content'] }}{{ ' ' }}{% endfor %}";
const targetOf = () => {
  const plain = yielding(createScriptedEngine());
  return { ...plain, info: { ...plain.info, chatTemplate: template } };
};
const serverOf = (options: Partial<ServerOptions> = {}): Promise<RunningServer> =>
  startServer({ engine: targetOf(), eyes: new StandInEncoder(), port: 0, drainMs: 0, ...options });

const messages = [
  { role: 'user', content: 'una ' },
  { role: 'user', content: 'an a ' },
];
const law = { sampling: bannedEnd, seed: 9n, tokensMax: 24 };
const at = (message: number, place: number, bytes: Uint8Array): PromptPicture => ({
  ...{ message, at: place, bytes },
});
const twoPictures = [at(1, 3, smallPicture(2)), at(0, 0, smallPicture(1))];

const linked = (server: RunningServer, options: Partial<ConnectOptions> = {}): Promise<Client> =>
  connect({ url: server.address, drafter: { kind: 'none' }, ...options });

const write = async (
  client: Client,
  pictures: readonly PromptPicture[],
  options: object = {},
): Promise<number[]> => {
  const { result } = client.generate({ messages, pictures, ...law, ...options });
  return [...(await result).tokens];
};

/** What a caller in the server's process gets. */
async function plainly(server: RunningServer, pictures: readonly PromptPicture[]) {
  const heard = new Heard();
  const prompt = { kind: 'messages', messages } as const;
  const rest = { schema: null, topLogprobs: null };
  server.plain.write({ prompt, pictures, ...law, ...rest }, null, heard);
  assert.equal(await heard.over, 'length');
  return heard.tokenIds;
}

describe('pictures from a device', () => {
  let server: RunningServer;
  let expected: number[];
  before(async () => {
    server = await serverOf();
    expected = await plainly(server, twoPictures);
  });
  after(() => server.close());

  for (const drafter of ['engine', 'suffix', 'none'] as const) {
    it(`have the target's text behind them, with ${drafter} to draft`, async () => {
      const engine = createScriptedEngine({ divergence: 0.2 });
      const options = {
        drafter: drafter === 'engine' ? { kind: drafter, engine } : { kind: drafter },
        vocabulary: engine.info.vocabulary,
      } as const;
      const client = await linked(server, options);
      assert.ok(client.seesPictures);
      let drafted = 0;
      for (const scheme of schemes) {
        for (const mode of modes.filter((one) => isOffered(scheme, one))) {
          const { result } = client.generate({
            ...{ messages, pictures: twoPictures, ...law, scheme, mode },
          });
          const { tokens, statistics } = await result;
          drafted += statistics.draftedCount;
          assert.equal(tokens.length, law.tokensMax, `${scheme} ${mode}`);
          if (scheme === 'coupled') assert.deepEqual([...tokens], expected, `${scheme} ${mode}`);
        }
      }
      if (drafter === 'engine') assert.ok(drafted > 100, `${drafted} drafts`);
      await client.close();
    });
  }

  it('are sent once, and only named after that', async () => {
    const large = new Uint8Array(
      await drawn(700, 700).png({ compressionLevel: 0, adaptiveFiltering: false }).toBuffer(),
    );
    assert.ok(large.length > 2 ** 20, `${large.length} bytes`);
    const client = await linked(server);
    const before_ = server.stats().wire.bytesUp;
    const first = await write(client, [at(0, 0, large)]);
    const sent = server.stats().wire.bytesUp - before_;
    assert.ok(sent > large.length, `${sent} bytes`);
    assert.deepEqual(await write(client, [at(0, 0, large)]), first);
    const again = server.stats().wire.bytesUp - before_ - sent;
    assert.ok(again < 1_000, `${again} bytes for a picture that the server has`);
    const other = await linked(server);
    assert.deepEqual(await write(other, [at(0, 0, large)]), first);
    assert.ok(server.stats().wire.bytesUp - before_ - sent < 3_000, 'also on another connection');
    await client.close();
    await other.close();
    await until(() => server.stats().pictures.heldCount === 0);
  });

  it('are refused by a server without eyes, and where they are none', async () => {
    const blind = await startServer({ engine: targetOf(), port: 0, drainMs: 0 });
    const client = await linked(blind);
    assert.equal(client.seesPictures, false);
    await assert.rejects(write(client, twoPictures), { code: 'picture-unseen' });
    await client.close();
    await blind.close();
    const seeing = await linked(server);
    const ask = (picture: PromptPicture) => () =>
      seeing.generate({ messages, ...law, pictures: [picture] });
    assert.throws(ask(at(0, 0, Uint8Array.of(1, 2, 3))), { code: 'picture-unsupported' });
    assert.throws(ask(at(2, 0, smallPicture(1))), { code: 'usage' });
    assert.throws(ask(at(0, 99, smallPicture(1))), { code: 'usage' });
    const nine = Array.from({ length: 9 }, () => at(0, 0, smallPicture(1)));
    const many = () => seeing.generate({ messages, ...law, pictures: nine });
    assert.throws(many, { code: 'picture-too-large', message: /^9 pictures; at most 8/ });
    const long = Array.from({ length: 3 }, () => at(0, 0, new Uint8Array(6 * 2 ** 20)));
    const heavy = () => seeing.generate({ messages, ...law, pictures: long });
    const tooHeavy = /^18874368 bytes of pictures; at most 16777216/;
    assert.throws(heavy, { code: 'picture-too-large', message: tooHeavy });
    const { pictures, picturesBytes } = limits;
    const ofWire = { count: pictures.value, bytes: picturesBytes.value };
    assert.deepEqual(promptPictureLimits, ofWire);
    // Its header is sound, its pixels are not: the server finds out.
    const broken = smallPicture(1).slice();
    broken.set([9, 9, 9], broken.length - 20);
    await assert.rejects(write(seeing, [at(0, 0, broken)]), { code: 'picture-invalid' });
    assert.deepEqual(await write(seeing, twoPictures), expected);
    await seeing.close();
  });

  it('come along where an answer goes on at another server', async () => {
    const [first, second] = [await serverOf(), await serverOf()];
    let url = first.address;
    const { dialWebSocket } = await import('./websocket-dialer.js');
    const client = await linked(first, {
      fallback: 'wait',
      timing: { backoffMinMs: 1, backoffMaxMs: 5 },
      dial: (_, signal) => dialWebSocket(url, { timeoutMs: 1_000 }, signal),
    });
    const answer = client.generate({ messages, pictures: twoPictures, ...law });
    const tokens: number[] = [];
    for await (const piece of answer) {
      if (piece.kind !== 'token') continue;
      tokens.push(piece.token);
      if (tokens.length !== 8) continue;
      url = second.address;
      await first.close();
    }
    assert.deepEqual(tokens, expected);
    assert.equal(second.stats().pictures.encodedCount, 2);
    await client.close();
    await second.close();
  });
});

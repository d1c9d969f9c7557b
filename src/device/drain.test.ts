// Checks that a server which closes sends its devices elsewhere and changes no text: two servers
// and a device over real sockets, scripted engines.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Engine } from '../engine/engine.js';
import { createScriptedEngine } from '../engine/scripted-engine.js';
import { bannedEnd } from '../engine/scripted-vocabulary.js';
import { type RunningServer, type ServerOptions, startServer } from '../server/index.js';
import type { Answer } from './answer.js';
import { type Client, type ConnectOptions, connect } from './client.js';
import { targetOnly } from './core/device-world.suite.js';

const ids = Int32Array.of(0, 3, 5);
const tokensMax = 60;
/** Nothing listens there. */
const nowhere = 'ws://127.0.0.1:9';

/** The event loop turns with every pass, so that a server can close in mid-text. */
function turning(engine: Engine): Engine {
  return {
    ...engine,
    pass: async (segments) => {
      await setImmediate();
      return engine.pass(segments);
    },
  };
}

/** Closes with the test, so that a test which fails ends. */
async function serverWith(t: TestContext, options: Partial<ServerOptions>): Promise<RunningServer> {
  const engine = turning(createScriptedEngine());
  const server = await startServer({ engine, port: 0, drainMs: 0, ...options });
  t.after(() => server.close());
  return server;
}

async function connected(t: TestContext, options: ConnectOptions): Promise<Client> {
  const client = await connect(options);
  t.after(() => client.close());
  return client;
}

const generate = (client: Client, seed: bigint): Answer =>
  client.generate({ ids, sampling: bannedEnd, seed, tokensMax });

/** Waits for some tokens of an answer; a loop that is left would cancel it. */
async function begun(answer: Answer): Promise<void> {
  const pieces = answer[Symbol.asyncIterator]();
  for (let count = 0; count < 5; count++) await pieces.next();
}

const committedBy = (server: RunningServer): number => server.stats().core.committedCount;

describe('a server that closes', { timeout: 40_000 }, () => {
  it('hands an answer over in mid-text, past an alternative that is not there', async (t) => {
    const second = await serverWith(t, {});
    const first = await serverWith(t, { alternatives: [nowhere, second.address] });
    const draft = createScriptedEngine({ divergence: 0.3 });
    const client = await connected(t, {
      url: first.address,
      drafter: { kind: 'engine', engine: draft },
      // A pause, of whatever origin, would last fifteen seconds at least.
      timing: { backoffMinMs: 30_000, backoffMaxMs: 30_000 },
    });
    const answer = generate(client, 11n);
    await begun(answer);
    const before = performance.now();
    await first.close();
    const { tokens } = await answer.result;
    assert.deepEqual(tokens, targetOnly({ tokensMax, seed: 11n }));
    assert.ok(committedBy(first) >= 5 && committedBy(first) < tokensMax, `${committedBy(first)}`);
    assert.ok(committedBy(second) > 0);
    assert.ok(performance.now() - before < 15_000, 'it waited before it asked elsewhere');
  });

  it('finishes what runs while it may, and answers asked for meanwhile are written elsewhere', async (t) => {
    const second = await serverWith(t, {});
    const first = await serverWith(t, { alternatives: [second.address], drainMs: 10_000 });
    const client = await connected(t, { url: first.address, drafter: { kind: 'none' } });
    const running = generate(client, 1n);
    await begun(running);
    const closing = first.close();
    const late = generate(client, 2n);
    assert.deepEqual((await running.result).tokens, targetOnly({ tokensMax, seed: 1n }));
    assert.deepEqual((await late.result).tokens, targetOnly({ tokensMax, seed: 2n }));
    await closing;
    assert.equal(committedBy(first), tokensMax);
    assert.equal(committedBy(second), tokensMax);
  });

  it('is asked again when no alternative answers', async (t) => {
    const first = await serverWith(t, { alternatives: [nowhere, 'not an address'] });
    const { port } = first;
    const timing = { backoffMinMs: 1, backoffMaxMs: 1 };
    const client = await connected(t, { url: first.address, drafter: { kind: 'none' }, timing });
    const answer = generate(client, 3n);
    await begun(answer);
    await first.close();
    const again = await serverWith(t, { port });
    assert.deepEqual((await answer.result).tokens, targetOnly({ tokensMax, seed: 3n }));
    assert.ok(committedBy(again) > 0);
  });
});

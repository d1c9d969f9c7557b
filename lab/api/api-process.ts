// One side of the API benchmark in a process of its own: the whole stack over the toy engine, or a bare node server that
// sends the same bytes. Told what to be by its one argument, in JSON; tells processor time when asked; ends with its parent.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openAccess } from '../../src/access/access.js';
import { ServerGenerator } from '../../src/api/backends/index.js';
import { createHttpApi } from '../../src/api/index.js';
import { createScriptedEngine, type Engine } from '../../src/engine/index.js';
import { startServer } from '../../src/server/index.js';

export type ApiSide =
  | { readonly kind: 'stack'; readonly slotCount: number; readonly contextLength: number }
  /** Null: what was read is answered with `body` whole. */
  | { readonly kind: 'bare'; readonly chunks: readonly string[] | null; readonly body: string };

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Its passes let the event loop turn, as those of an engine with a thread do. */
function yieldingToy(slotCount: number, contextLength: number): Engine {
  const engine = createScriptedEngine({
    slotCount,
    contextLength,
    passRowsMax: 256,
    passTokensMax: 256,
  });
  const { pass } = engine;
  engine.pass = async (segments) => {
    await turn();
    return pass(segments);
  };
  return engine;
}

async function startStack(slotCount: number, contextLength: number): Promise<number> {
  const engine = yieldingToy(slotCount, contextLength);
  const server = await startServer({
    engine,
    port: 0,
    makeHttp: async (local) => {
      const facts = { server: local, info: engine.info, names: ['toy'], createdS: 0, build: '0' };
      const api = await createHttpApi({
        generator: new ServerGenerator(facts),
        ...{ metrics: [], access: openAccess() },
        onMistake: (reason) => {
          throw reason;
        },
      });
      return api.handle;
    },
  });
  return server.port;
}

/** Reads a request to its end, then sends one chunk in each turn of the event loop. */
async function startBare(chunks: readonly string[] | null, body: string): Promise<number> {
  const server = createServer((request, response) => {
    request.on('data', () => undefined);
    request.on('end', async () => {
      if (chunks === null) {
        response.writeHead(200, {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        });
        response.end(body);
        return;
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const chunk of chunks) {
        response.write(chunk);
        await turn();
      }
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function serve(side: ApiSide): Promise<void> {
  const port =
    side.kind === 'stack'
      ? await startStack(side.slotCount, side.contextLength)
      : await startBare(side.chunks, side.body);
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send!({ cpuMs: (user + system) / 1000 });
  });
  process.on('disconnect', () => process.exit(0));
  process.send!({ port });
}

await serve(JSON.parse(process.argv[2]!) as ApiSide);

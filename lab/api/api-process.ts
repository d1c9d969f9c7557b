// Runs one side of a benchmark in a process of its own: the stack over the toy engine, a bare node
// server that sends the same bytes, or an echo. Tells processor time when asked.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createScriptedEngine, type Engine } from '../../src/engine/index.js';
import { type BenchSide, startEchoServer } from '../loop/echo.js';
import { startToyServer } from '../toy-server.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Its passes let the event loop turn, as those of an engine with a thread do. */
function yieldingToy(slotCount: number, contextLength: number): Engine {
  const most = { passRowsMax: 256, passTokensMax: 256 };
  const engine = createScriptedEngine({ slotCount, contextLength, ...most });
  const { pass } = engine;
  engine.pass = async (segments) => {
    await turn();
    return pass(segments);
  };
  return engine;
}

/** Reads a request to its end, then sends one chunk in each turn of the event loop. */
async function startBare(chunks: readonly string[] | null, body: string): Promise<number> {
  const server = createServer((request, response) => {
    request.on('data', () => undefined);
    request.on('end', async () => {
      if (chunks === null) {
        const length = Buffer.byteLength(body);
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': length });
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

async function portOf(side: BenchSide): Promise<number> {
  if (side.kind === 'bare') return startBare(side.chunks, side.body);
  if (side.kind === 'echo') return startEchoServer(side.replyBytes);
  const { server } = await startToyServer(yieldingToy(side.slotCount, side.contextLength));
  return server.port;
}

const port = await portOf(JSON.parse(process.argv[2]!) as BenchSide);
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send!({ cpuMs: (user + system) / 1000 });
});
process.on('disconnect', () => process.exit(0));
process.send!({ port });

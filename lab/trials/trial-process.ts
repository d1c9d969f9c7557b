// The process of trial-server.ts: told what to be by its one argument, answers what it holds, ends with its parent.
// Remembers nothing of its own, so that whatever grows is the server's.

import type { RequestListener } from 'node:http';
import { Access, FileKeyRing, openAccess, TlsFiles } from '../../src/access/index.js';
import { ServerGenerator, serverMetrics } from '../../src/api/backends/index.js';
import { createHttpApi, type HttpApi } from '../../src/api/index.js';
import { pacedEngine } from '../../src/cli/demo/paced-engine.js';
import { createScriptedEngine, type Engine } from '../../src/engine/index.js';
import { type LocalServer, startServer } from '../../src/server/index.js';
import type { HoldingAnswer, HoldingQuestion, TrialSpec } from './trial-server.js';

const quiet = { note: () => undefined };

async function makeApi(engine: Engine, server: LocalServer, access: Access): Promise<HttpApi> {
  return createHttpApi({
    generator: new ServerGenerator({
      ...{ server, info: engine.info, names: ['toy'], createdS: 0, build: 'trial' },
    }),
    metrics: serverMetrics(server),
    access,
    onMistake: (reason) => {
      throw reason;
    },
  });
}

async function serve(spec: TrialSpec): Promise<void> {
  const { slotCount, contextLength, passMs, resumeMs, silenceMs, keysPath, tls } = spec;
  const times = { passMs, rowMs: 0 };
  const engine = pacedEngine(createScriptedEngine({ slotCount, contextLength }), () => times);
  const keys = keysPath === null ? null : new FileKeyRing(keysPath, quiet);
  const access = keys === null ? openAccess() : new Access({ keys, origins: [] });
  let api: HttpApi | null = null;
  const server = await startServer({
    ...{ engine, access, port: 0, limits: { resumeMs, silenceMs } },
    ...(tls && { tls: new TlsFiles({ ...tls, clientCa: null }, quiet) }),
    makeHttp: async (local): Promise<RequestListener> => {
      api = await makeApi(engine, local, access);
      return api.handle;
    },
  });
  process.on('message', ({ collects }: HoldingQuestion) => {
    if (collects) for (let round = 0; round < 2; round++) globalThis.gc!();
    const { rss, heapUsed, external } = process.memoryUsage();
    process.send!({
      residentBytes: rss,
      heapBytes: collects ? heapUsed : null,
      externalBytes: external,
      resourceCount: process.getActiveResourcesInfo().length,
      requestCount: api!.openCount,
      core: server.stats().core,
    } satisfies HoldingAnswer);
  });
  process.on('disconnect', () => process.exit(0));
  process.send!({ port: server.port });
}

await serve(JSON.parse(process.argv[2]!) as TrialSpec);

// Starts the shipped server with its HTTP API around a toy engine: what an API benchmark and trials
// measure.

import type { RequestListener } from 'node:http';
import { type Access, openAccess } from '../src/access/index.js';
import { ServerGenerator, serverMetrics } from '../src/api/backends/index.js';
import { createHttpApi, type HttpApi } from '../src/api/index.js';
import type { Engine } from '../src/engine/index.js';
import { type RunningServer, type ServerOptions, startServer } from '../src/server/index.js';

/** Listens on a free port; the model's name is toy. A mistake of our own ends the process. */
export async function startToyServer(
  engine: Engine,
  options: Omit<ServerOptions, 'engine' | 'port' | 'makeHttp'> & { readonly access?: Access } = {},
): Promise<{ readonly server: RunningServer; readonly door: HttpApi }> {
  const { access = openAccess() } = options;
  let api: HttpApi | null = null;
  const server = await startServer({
    ...{ ...options, engine, port: 0 },
    makeHttp: async (local): Promise<RequestListener> => {
      const facts = { server: local, info: engine.info, names: ['toy'], createdS: 0, build: 'lab' };
      api = await createHttpApi({
        generator: new ServerGenerator(facts),
        metrics: serverMetrics(local),
        access,
        onMistake: (reason) => {
          throw reason;
        },
      });
      return api.handle;
    },
  });
  return { server, door: api! };
}

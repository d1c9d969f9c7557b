// Starts a server over a scripted engine with its HTTP API in this process, for tests and
// benchmarks of the whole stack.

import { openAccess } from '../../access/access.js';
import type { Engine } from '../../engine/engine.js';
import { type RunningServer, type ServerOptions, startServer } from '../../server/index.js';
import { createHttpApi, type HttpApi } from '../index.js';
import { ServerGenerator } from './server-generator.js';
import { serverMetrics } from './server-metrics.js';

export interface ApiServer {
  readonly server: RunningServer;
  readonly api: HttpApi;
  readonly port: number;
}

/** Serves an engine. The caller still owns the engine and closes it. */
export async function startApiServer(
  engine: Engine,
  options: Partial<ServerOptions> & { readonly requestsMax?: number } = {},
): Promise<ApiServer> {
  const { requestsMax, ...serverOptions } = options;
  let api: HttpApi | null = null;
  const server = await startServer({
    ...{ engine, port: 0, drainMs: 200, ...serverOptions },
    makeHttp: async (local) => {
      api = await createHttpApi({
        generator: new ServerGenerator({
          ...{ server: local, info: engine.info, names: ['toy'], createdS: 0, build: 'test' },
        }),
        metrics: serverMetrics(local),
        access: options.access ?? openAccess(),
        onMistake: (reason) => {
          throw reason;
        },
        ...(requestsMax !== undefined && { requestsMax }),
      });
      return api.handle;
    },
  });
  return { server, api: api!, port: server.port };
}

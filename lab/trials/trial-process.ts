// Runs the server of a trial in a process of its own: answers what it holds, and remembers nothing,
// so that whatever grows is the server's.

import { Access, FileKeyRing, openAccess, TlsFiles } from '../../src/access/index.js';
import { pacedEngine } from '../../src/cli/demo/paced-engine.js';
import { keepMemorySmall } from '../../src/cli/memory/memory-keeper.js';
import { createScriptedEngine } from '../../src/engine/index.js';
import { bundledModel, loadLlamaEngine } from '../../src/engine/llama/index.js';
import { startToyServer } from '../toy-server.js';
import type { HoldingAnswer, HoldingQuestion, TrialSpec } from './trial-server.js';

const quiet = { note: () => undefined };
const spec = JSON.parse(process.argv[2]!) as TrialSpec;
const { slotCount, contextLength, passMs, resumeMs, silenceMs, keysPath, tls, model } = spec;
const times = { passMs, rowMs: 0 };
const engine =
  model === undefined
    ? pacedEngine(createScriptedEngine({ slotCount, contextLength }), () => times)
    : await loadLlamaEngine({ modelPath: bundledModel(model), slotCount, threads: 1 });
const keys = keysPath === null ? null : new FileKeyRing(keysPath, quiet);
const { server, door: api } = await startToyServer(engine, {
  access: keys === null ? openAccess() : new Access({ keys, origins: [] }),
  limits: { resumeMs, silenceMs },
  ...(tls && { tls: new TlsFiles({ ...tls, clientCa: null }, quiet) }),
});
process.on('message', ({ collects }: HoldingQuestion) => {
  if (collects) for (let round = 0; round < 2; round++) globalThis.gc!();
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send!({
    residentBytes: rss,
    heapBytes: collects ? heapUsed : null,
    externalBytes: external,
    requestCount: api.openCount,
    core: server.stats().core,
    loopDelayMs: server.stats().process.loopDelayMs,
  } satisfies HoldingAnswer);
});
keepMemorySmall();
process.on('disconnect', () => process.exit(0));
process.send!({ port: server.port });

// Runs the server of a trial in a process of its own: answers what it holds, and remembers nothing,
// so that whatever grows is the server's.

import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { Access, FileKeyRing, openAccess, TlsFiles } from '../../src/access/index.js';
import { pacedEngine } from '../../src/cli/demo/paced-engine.js';
import { keepMemorySmall } from '../../src/cli/memory/memory-keeper.js';
import { createScriptedEngine } from '../../src/engine/index.js';
import { bundledModel, loadLlamaEngine } from '../../src/engine/llama/index.js';
import { StandInEncoder } from '../../src/server/eyes/eyes.suite.js';
import { delaysIn, resolutionMs } from '../../src/server/loop-delay.js';
import { startToyServer } from '../toy-server.js';
import type { HoldingAnswer, HoldingQuestion, TrialSpec } from './trial-server.js';

/** Of the event loop since the last question: as the server tells them, and finer. */
const [delays, fineDelays] = [resolutionMs, 1].map((resolution) =>
  monitorEventLoopDelay({ resolution }),
) as [IntervalHistogram, IntervalHistogram];
const monitors = [delays, fineDelays];
for (const monitor of monitors) monitor.enable();
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
  ...(model === undefined && { eyes: new StandInEncoder() }),
  ...(tls && { tls: new TlsFiles({ ...tls, clientCa: null }, quiet) }),
});
process.on('message', ({ collects }: HoldingQuestion) => {
  if (collects) for (let round = 0; round < 2; round++) globalThis.gc!();
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send!({
    residentBytes: rss,
    heapBytes: collects ? heapUsed : null,
    externalBytes: external,
    requestCount: api.openCount,
    processorMs: (user + system) / 1000,
    stallMs: fineDelays.percentile(99.9) / 1e6,
    pictureBytes: server.stats().pictures.arrivingBytes,
    core: server.stats().core,
    loopDelayMs: delaysIn(delays),
  } satisfies HoldingAnswer);
  for (const monitor of monitors) monitor.reset();
});
keepMemorySmall();
process.on('disconnect', () => process.exit(0));
process.send!({ port: server.port });

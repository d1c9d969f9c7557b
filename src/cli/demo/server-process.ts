// Runs the shipped server around a chosen engine in a process of its own, for benchmarks and the
// demo. Its role is one JSON argument; it answers its parent with counts, and ends with it.

import type { Engine } from '../../engine/engine.js';
import { createScriptedEngine } from '../../engine/index.js';
import { type LlamaOptions, loadLlamaEngine } from '../../engine/llama/index.js';
import { startServer } from '../../server/index.js';
import { nominalEngine, type PassPace, pacedDrafts, pacedEngine } from './paced-engine.js';
import { PassRecorder } from './pass-recorder.js';
import type { ServerCommand, ServerReport, ServerSpec } from './server-handle.js';

/** The pace of passes from now on. */
let pace: PassPace | null = null;

/** The reported time of a toy engine's pass. */
const nominalPassMs = 1;

async function engineOf(spec: ServerSpec): Promise<Engine> {
  switch (spec.kind) {
    case 'scripted':
      return nominalEngine(createScriptedEngine(spec), nominalPassMs);
    case 'llama':
      pace = spec.pace;
      return pacedEngine(await loadLlamaEngine(spec.options as LlamaOptions), () => pace);
  }
}

/** Share of a pass of the target that a pass of the draft model takes. */
const draftShare = 0.1;

async function draftingOf({ draft }: { readonly draft?: LlamaOptions }) {
  if (draft === undefined) return {};
  const engine = pacedDrafts(await loadLlamaEngine(draft), () => pace && draftShare * pace.passMs);
  return { drafting: { engine } };
}

async function serve(spec: ServerSpec): Promise<void> {
  const recorder = new PassRecorder(await engineOf(spec));
  const { batching } = spec.kind === 'llama' ? spec : {};
  const drafting = await draftingOf(spec.kind === 'llama' ? spec : {});
  const server = await startServer({
    engine: recorder.engine,
    port: 0,
    swapBytesMax: 0,
    ...(batching && { batching }),
    ...drafting,
  });
  answer({ port: server.port }, () => ({ stats: server.stats(), passes: recorder.take() }));
}

function answer(
  ready: { readonly port: number },
  report: () => Pick<ServerReport, 'stats' | 'passes'>,
): void {
  process.on('message', (command: ServerCommand) => {
    if (command.kind === 'pace') pace = command.pace;
    const { user, system } = process.cpuUsage();
    process.send!({ ...report(), cpuMs: (user + system) / 1000 } satisfies ServerReport);
  });
  process.on('disconnect', () => process.exit(0));
  process.send!(ready);
}

await serve(JSON.parse(process.argv[2]!) as ServerSpec);

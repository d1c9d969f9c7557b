// Gathers all facts about a machine, as plain data: judged elsewhere, printed by --json. Holds no
// secrets: whether a token is set, never the token.

import { listBundled, listBundledHeads } from '../../engine/llama/bundled.js';
import { packageVersion } from '../package-root.js';
import {
  gatherGraphics,
  gatherHeat,
  gatherMemory,
  gatherProcessor,
  gatherSystem,
} from './gather.js';
import { gatherEngine } from './gather-engine.js';
import { gatherHub } from './gather-hub.js';
import { gatherModel } from './gather-models.js';
import type { Machine } from './machine.js';

export type Facts = Readonly<Awaited<ReturnType<typeof gatherFacts>>>;

export async function gatherFacts(machine: Machine) {
  return {
    version: packageVersion(),
    system: gatherSystem(machine),
    processor: gatherProcessor(machine),
    memory: gatherMemory(machine),
    heat: gatherHeat(machine),
    graphics: gatherGraphics(machine),
    engine: await gatherEngine(machine),
    models: await Promise.all([
      ...listBundled().map((model) => gatherModel(model, false)),
      ...listBundledHeads().map((head) => gatherModel(head, true)),
    ]),
    hub: gatherHub(machine),
  };
}

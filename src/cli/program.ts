// Lists the commands of `pilotfish`.

import { type CommandSet, runCommandSet } from './command-line.js';
import type { Terminal } from './screen/terminal.js';

export const pilotfish: CommandSet = {
  name: 'pilotfish',
  description:
    'Speculative decoding with a draft model and a target model, exact to the last token.',
  commands: {
    demo: async () => (await import('./demo.js')).addDemo,
    generate: async () => (await import('./generate.js')).addGenerate,
    serve: async () => (await import('./serve.js')).addServe,
    run: async () => (await import('./run.js')).addRun,
    chat: async () => (await import('./chat.js')).addChat,
    device: async () => (await import('./device.js')).addDevice,
    top: async () => (await import('./top.js')).addTop,
    keys: async () => (await import('./keys.js')).addKeys,
    models: async () => (await import('./models.js')).addModels,
    doctor: async () => (await import('./doctor.js')).addDoctor,
    conformance: async () => (await import('./conformance.js')).addConformance,
    sim: async () => (await import('./sim.js')).addSim,
    plan: async () => (await import('./plan.js')).addPlan,
  },
};

/** @param args without node and script. @returns the exit code. */
export const run = (args: readonly string[], terminal: Terminal): Promise<number> =>
  runCommandSet(pilotfish, args, terminal);

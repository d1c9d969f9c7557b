// Lists the commands of the workshop: benchmarks, experiments, trials, the comparison with
// llama-server, real models, the gate and the report.

import type { CommandSet } from '../../src/cli/command-line.js';

export const lab: CommandSet = {
  name: 'npm run lab --',
  description: 'Measurements as ratios inside one run; absolute times are for scale only.',
  commands: {
    benches: async () => (await import('./bench.js')).addBenches,
    experiments: async () => (await import('./report.js')).addExperiments,
    peer: async () => (await import('./peer.js')).addPeer,
    real: async () => (await import('./real.js')).addReal,
    gate: async () => (await import('./gate.js')).addGate,
  },
};

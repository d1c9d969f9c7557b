// Lists the commands of the workshop: benchmarks, experiments, trials, the comparison with
// llama-server, the gate and the report.

import type { CommandSet } from '../../src/cli/command-line.js';
import { addBenches } from './bench.js';
import { addGate } from './gate.js';
import { addPeer } from './peer.js';
import { addExperiments } from './report.js';

export const lab: CommandSet = {
  name: 'npm run lab --',
  description: 'Measurements as ratios inside one run; absolute times are for scale only.',
  add(program, terminal, exit) {
    addBenches(program, terminal);
    addExperiments(program, terminal);
    addPeer(program, terminal);
    addGate(program, terminal, exit);
  },
};

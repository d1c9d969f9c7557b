// Lists the commands of `pilotfish`.

import { addChat } from './chat.js';
import { type CommandSet, runCommandSet } from './command-line.js';
import { addDemo } from './demo.js';
import { addDevice } from './device.js';
import { addDoctor } from './doctor.js';
import { addGenerate } from './generate.js';
import { addKeys } from './keys.js';
import { addModels } from './models.js';
import { addPlan } from './plan.js';
import { addRun } from './run.js';
import type { Terminal } from './screen/terminal.js';
import { addServe } from './serve.js';
import { addSim } from './sim.js';
import { addTop } from './top.js';

export const pilotfish: CommandSet = {
  name: 'pilotfish',
  description:
    'Speculative decoding with a draft model and a target model, exact to the last token.',
  add(program, terminal, exit) {
    addDemo(program, terminal, exit);
    addGenerate(program, terminal, exit);
    addServe(program, terminal, exit);
    addRun(program, terminal, exit);
    addChat(program, terminal, exit);
    addDevice(program, terminal, exit);
    addTop(program, terminal);
    addKeys(program, terminal);
    addModels(program, terminal);
    addDoctor(program, terminal, exit);
    addSim(program, terminal, exit);
    addPlan(program, terminal);
  },
};

/** @param args without node and script. @returns the exit code. */
export const run = (args: readonly string[], terminal: Terminal): Promise<number> =>
  runCommandSet(pilotfish, args, terminal);

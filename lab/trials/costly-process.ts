// Runs one costly attack in a process of its own, from its start until it is asked how often it was
// answered.

import { setPriority } from 'node:os';
import { costlyAttacks } from './costly-attacks.js';

export interface CostlySpec {
  readonly port: number;
  readonly key: string;
  readonly name: string;
}

// It stands for another machine: its own work must not take the server's cores.
setPriority(19);

const { port, key, name } = JSON.parse(process.argv[2]!) as CostlySpec;
let isOver = false;
const attack = costlyAttacks.find((one) => one.name === name)!;
const running = attack.run({ port, key, isOver: () => isOver });
process.on('message', () => {
  isOver = true;
  void running.then((answered) => process.send!({ answered }));
});
process.on('disconnect', () => process.exit(0));
process.send!({});

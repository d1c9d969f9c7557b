// Runs `pilotfish` as this process.

import { pilotfish } from './program.js';
import { runProcess } from './run-process.js';

await runProcess(pilotfish);

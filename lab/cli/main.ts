// Starts the workshop's command: `npm run lab -- <name>`.

import { runProcess } from '../../src/cli/run-process.js';
import { lab } from './program.js';

await runProcess(lab);

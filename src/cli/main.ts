#!/usr/bin/env node
// Starts the `pilotfish` command.

import { pilotfish } from './program.js';
import { runProcess } from './run-process.js';

await runProcess(pilotfish);

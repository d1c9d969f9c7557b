// Lists the runs that try to break a server: each a command with a result, none of them part of the
// report, which asks what is fast.

import type { Experiment } from '../report/experiment.js';
import { chaosTrial } from './chaos.js';
import { soakTrial } from './soak.js';
import { stormTrial } from './storm.js';

export const trials: readonly Experiment[] = [stormTrial, chaosTrial, soakTrial];

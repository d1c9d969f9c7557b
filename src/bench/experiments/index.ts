// The experiments of the report, in reading order.

import type { Experiment } from '../report/experiment.js';
import { dssdExperiment } from './dssd.js';
import { schemesExperiment } from './schemes.js';

export const experiments: readonly Experiment[] = [dssdExperiment, schemesExperiment];

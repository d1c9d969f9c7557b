// Lists the experiments of the report, in reading order.

import type { Experiment } from '../report/experiment.js';
import { autoExperiment } from './auto.js';
import { costExperiment } from './cost.js';
import { dssdExperiment } from './dssd.js';
import { earlyExitExperiment } from './early-exit.js';
import { fairnessExperiment } from './fairness.js';
import { raceExperiment } from './race.js';
import { robotExperiment } from './robot.js';
import { schemesExperiment } from './schemes.js';
import { sideChannelExperiment } from './side-channel.js';
import { sledExperiment } from './sled.js';

export const experiments: readonly Experiment[] = [
  autoExperiment,
  raceExperiment,
  robotExperiment,
  sledExperiment,
  dssdExperiment,
  schemesExperiment,
  earlyExitExperiment,
  costExperiment,
  fairnessExperiment,
  sideChannelExperiment,
];

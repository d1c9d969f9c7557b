// Defines an experiment: a question, and a function that answers it in numbers. It reads no clock
// for its result and writes no file; its words are in lab/report/text.

import type { RunService } from '../../src/sim/service/run-service.js';
import type { BenchModels } from '../weights/bench-models.js';
import type { Measured } from './text.js';

export interface ExperimentContext {
  readonly models: BenchModels;
  /** Runs in virtual time, several at once. Await them before anything is timed. */
  readonly play: RunService;
  /** Fewer turns and wider intervals than the report. */
  readonly isQuick: boolean;
  /** How long a run lasts, where it can be told. Null: as long as usual. */
  readonly minutes: number | null;
  /** Of everything that chance decides. */
  readonly seed: number;
  /** Writes a line of progress, which is no part of the result. */
  readonly note: (line: string) => void;
  readonly signal: { readonly aborted: boolean };
}

export interface Experiment {
  /** The name of its command, its text and its files. */
  readonly id: string;
  /** Minutes that a full run takes on two cores, for the help. */
  readonly minutes: number;
  /** Whether it can be told how long to last. Default: no. */
  readonly takesMinutes?: boolean;
  /** Of its own, as a command line has them, a blank first. Default: none. */
  readonly flags?: string;
  readonly run: (context: ExperimentContext) => Promise<Measured>;
}

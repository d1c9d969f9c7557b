// What an experiment is to whoever runs it: a question, and a function that finds out. It reads no clock for its result
// and writes no file.

import type { RunService } from '../../src/sim/service/run-service.js';
import type { BenchModels } from '../weights/bench-models.js';
import type { Findings, Provenance, Result } from './result.js';

export interface ExperimentContext {
  readonly models: BenchModels;
  /** Runs in virtual time, several at once; what is timed waits until they are over. */
  readonly play: RunService;
  /** Fewer turns, wider intervals: a look, not the report. */
  readonly isQuick: boolean;
  /** How long it lasts, where it can be told; null: as it sees fit. */
  readonly minutes: number | null;
  /** Of everything that chance decides. */
  readonly seed: number;
  /** Told what is going on; no part of the result. */
  readonly note: (line: string) => void;
  readonly signal: { readonly aborted: boolean };
}

export interface Experiment {
  /** A word: the command's name, and the file's. */
  readonly id: string;
  readonly title: string;
  readonly question: string;
  /** Minutes that a full run takes on two cores, for the help. */
  readonly minutes: number;
  /** Whether it can be told how long to last. Default: it takes what it takes. */
  readonly takesMinutes?: boolean;
  readonly run: (context: ExperimentContext) => Promise<Findings>;
}

export const resultOf = (
  { id, title, question }: Experiment,
  findings: Findings,
  provenance: Provenance,
): Result => ({ id, title, question, provenance, ...findings });

// The machine that measures, in one line.

import { availableParallelism, cpus } from 'node:os';

export const machineLine = (): string =>
  `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${availableParallelism()} cores, node ${process.version}`;

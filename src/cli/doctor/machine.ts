// Defines the facts that a command can read from its machine: files of the system, and a few facts
// of the process. An interface, so that tests can describe other machines by their files.

import { accessSync, constants, readdirSync } from 'node:fs';
import { availableParallelism, cpus, freemem, machine, release, totalmem } from 'node:os';
import { readSystemFile } from '../../engine/llama/cores.js';
import type { Environment } from '../screen/terminal.js';

export interface Machine {
  readonly platform: string;
  /** Architecture of this Node build. */
  readonly arch: string;
  /** As uname gives it; unlike `arch` for a 32-bit system on a 64-bit kernel. */
  readonly kernelArch: string;
  readonly kernelRelease: string;
  readonly nodeVersion: string;
  /** Version of the glibc in use; null under musl and outside Linux. */
  readonly glibcVersion: string | null;
  /** Paths of the shared objects of this process. */
  readonly sharedObjects: readonly string[];
  readonly cpuModel: string;
  /** Logical processors of the machine, and those that this process may run on. */
  readonly processorCount: number;
  readonly parallelism: number;
  readonly totalBytes: number;
  readonly freeBytes: number;
  readonly env: Environment;
  /** Content of a file, one character per byte; null where it cannot be read. */
  read(path: string): string | null;
  /** Names in a folder; empty where it cannot be read. */
  list(path: string): readonly string[];
}

/** The machine that this process runs on. */
export function thisMachine(env: Environment): Machine {
  const processors = cpus();
  return {
    platform: process.platform,
    arch: process.arch,
    kernelArch: machine(),
    kernelRelease: release(),
    nodeVersion: process.versions.node,
    ...readReport(),
    cpuModel: processors[0]?.model ?? 'unknown',
    processorCount: processors.length,
    parallelism: availableParallelism(),
    totalBytes: totalmem(),
    freeBytes: freemem(),
    env,
    read: readSystemFile,
    list: listNames,
  };
}

interface Report {
  readonly header: { readonly glibcVersionRuntime?: string };
  readonly sharedObjects: readonly string[];
}

/** Node's report is the only source of the C library in use that needs no other program. */
function readReport(): Pick<Machine, 'glibcVersion' | 'sharedObjects'> {
  const report = process.report as typeof process.report & { excludeNetwork?: boolean };
  // Otherwise the report looks up the host names of all open connections, which may take seconds.
  report.excludeNetwork = true;
  const { header, sharedObjects } = report.getReport() as unknown as Report;
  return { glibcVersion: header.glibcVersionRuntime ?? null, sharedObjects };
}

function listNames(path: string): string[] {
  try {
    return readdirSync(path).sort();
  } catch {
    return [];
  }
}

/** Whether this process may write into a folder. */
export function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

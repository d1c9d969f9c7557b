// Counts the cores that ggml's threads can have, and chooses how many threads there are and how
// they wait. Sources: sysfs cpu topology, cgroups(7), llama.cpp's
// common_cpu_get_num_physical_cores.

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { processorQuota, type ReadText, threadsLeft } from '../../base/control-groups.js';

/** The processors that this process may use. */
export interface Cores {
  /** Logical processors, after affinity and quota; at least 1. */
  readonly usable: number;
  /** Cores among the processors of the affinity mask: hyper-threads of a core count once. */
  readonly physical: number;
  /** Numbers of the processors of the affinity mask; empty where the system does not tell. */
  readonly allowed: readonly number[];
  /** Threads that the control groups still let this process start; null without a limit. */
  readonly threadsLeft: number | null;
}

/** Cores of this machine; on systems without sysfs every processor counts as a core. */
export function coresHere(
  read: ReadText = readSystemFile,
  parallelism = availableParallelism(),
): Cores {
  const quota = processorQuota(read);
  const usable = quota === null ? parallelism : Math.min(parallelism, Math.floor(quota));
  const allowed = allowedProcessors(read);
  return {
    usable: Math.max(1, usable),
    physical: physicalCores(allowed, read) ?? parallelism,
    allowed,
    threadsLeft: threadsLeft(read),
  };
}

/**
 * A thread for each core but one: the program's own thread needs it. A second thread on a core adds
 * nothing, since both wait for the same multipliers.
 */
export const defaultThreads = ({ usable, physical }: Cores): number =>
  Math.max(1, Math.min(physical, usable - 1));

/**
 * Threads that spin between passes start the next one sooner. Threads of two models on one core
 * would take it from each other.
 *
 * @param threads of all models of this process.
 */
export const defaultPoll = (threads: number, { usable }: Cores): number =>
  threads <= usable ? 50 : 0;

/**
 * A processor for each thread, where the threads take all of them. The system puts two threads on
 * one processor now and then, and each then waits for the other's time slice.
 *
 * @returns empty: the system chooses.
 */
export const ownProcessors = (threads: number, { usable, allowed }: Cores): readonly number[] =>
  threads > 1 && threads === allowed.length && usable === allowed.length ? allowed : [];

/** Threads that Node may yet start for itself. */
const reservedThreads = 8;

/** How many threads compute, of a pass with one token and with several. */
export interface ThreadCounts {
  readonly threads: number;
  readonly batchThreads: number;
}

/** Options, and sentences for the user about threads that cost speed. */
export interface Fitted<T extends ThreadCounts> {
  readonly options: T;
  readonly warnings: string[];
}

/**
 * One thread where the control groups allow no more, because ggml ends the process when it may not
 * start one.
 */
export function fitThreads<T extends ThreadCounts>(
  options: T,
  { usable, threadsLeft }: Cores,
): Fitted<T> {
  const wanted = Math.max(options.threads, options.batchThreads);
  if (wanted === 1) return { options, warnings: [] };
  if (threadsLeft !== null && threadsLeft < wanted + reservedThreads) {
    return withOne(options, `the system allows only ${threadsLeft} more threads`);
  }
  if (wanted < usable) return { options, warnings: [] };
  const warning = `${wanted} threads on ${usable} ${usable === 1 ? 'core' : 'cores'} leave none for this program itself: tokens may come slower than with ${Math.max(1, usable - 1)}`;
  return { options, warnings: [warning] };
}

/**
 * One thread where the system refuses more for a reason that no file tells, such as a limit of the
 * user's.
 *
 * @param canStart whether so many threads more can run now.
 */
export function tryThreads<T extends ThreadCounts>(
  options: T,
  canStart: (count: number) => boolean,
): Fitted<T> {
  const wanted = Math.max(options.threads, options.batchThreads);
  if (wanted === 1 || canStart(wanted - 1 + reservedThreads)) return { options, warnings: [] };
  return withOne(options, `the system refuses to start ${wanted + reservedThreads - 1} threads`);
}

function withOne<T extends ThreadCounts>(options: T, why: string): Fitted<T> {
  const wanted = Math.max(options.threads, options.batchThreads);
  const warning = `${why}: the model computes with one instead of ${wanted}`;
  return { options: { ...options, threads: 1, batchThreads: 1 }, warnings: [warning] };
}

function allowedProcessors(read: ReadText): number[] {
  const [, list] = /^Cpus_allowed_list:\s*(\S+)$/m.exec(read('/proc/self/status') ?? '') ?? [];
  return list === undefined ? [] : processorsOf(list);
}

function physicalCores(allowed: readonly number[], read: ReadText): number | null {
  const siblings = allowed.map((processor) =>
    read(`/sys/devices/system/cpu/cpu${processor}/topology/thread_siblings_list`)?.trim(),
  );
  if (siblings.length === 0 || siblings.includes(undefined)) return null;
  return new Set(siblings).size;
}

/** Numbers of a kernel's list of processors, such as `0-3,8`. */
function processorsOf(list: string): number[] {
  return list.split(',').flatMap((range) => {
    const [first = Number.NaN, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

/** Text of a file, one character a byte, or null where it cannot be read. */
export function readSystemFile(path: string): string | null {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return null;
  }
}

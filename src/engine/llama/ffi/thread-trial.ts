// Finds out whether the system starts more threads, by starting some that wait and end. ggml ends
// the process when it may not start one, and limits of users (RLIMIT_NPROC) or filters (seccomp)
// stand in no file. Source: pthread_create(3), sem_wait(3) of glibc.

import koffi from 'koffi';
import type { Pointer } from './structs.js';

interface ThreadCalls {
  create(thread: BigUint64Array, attributes: null, run: Pointer, argument: Pointer): number;
  join(thread: bigint, result: null): number;
  post(semaphore: Pointer): number;
  /** The function that the threads run: no JavaScript. */
  readonly wait: Pointer;
  /** Zeroed; a zeroed sem_t holds 0. */
  allocate(count: number, bytes: number): Pointer;
  release(memory: Pointer): void;
}

/** More than sem_t has anywhere. */
const semaphoreBytes = 64;

let opened: ThreadCalls | null = null;

/**
 * @param count threads, beside those that run.
 * @returns whether all of them could run at once. True on systems other than Linux.
 */
export function canStartThreads(count: number): boolean {
  if (process.platform !== 'linux') return true;
  opened ??= openCalls();
  const { create, join, post, wait, allocate, release } = opened;
  const semaphore = allocate(1, semaphoreBytes);
  const started: bigint[] = [];
  const thread = new BigUint64Array(1);
  while (started.length < count && create(thread, null, wait, semaphore) === 0) {
    started.push(thread[0]!);
  }
  for (const _ of started) post(semaphore);
  for (const id of started) join(id, null);
  release(semaphore);
  return started.length === count;
}

function openCalls(): ThreadCalls {
  const library = koffi.load('libc.so.6');
  return {
    create: library.func('pthread_create', 'int', ['_Out_ uint64*', 'void*', 'void*', 'void*']),
    join: library.func('pthread_join', 'int', ['uint64', 'void*']),
    post: library.func('sem_post', 'int', ['void*']),
    wait: library.symbol('sem_wait') as Pointer,
    allocate: library.func('calloc', 'void*', ['size_t', 'size_t']),
    release: library.func('free', 'void', ['void*']),
  };
}

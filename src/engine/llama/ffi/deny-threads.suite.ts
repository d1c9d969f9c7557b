// Loaded with `node --import`: no worker of the process may start threads of its own, as under a
// seccomp filter of a container. It needs no rights. Source: seccomp(2), linux/filter.h.

import { isMainThread } from 'node:worker_threads';
import koffi from 'koffi';

const cloneNumber = process.arch === 'arm64' ? 220 : 56;
const clone3Number = 435;
/** BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JEQ | BPF_K, BPF_RET | BPF_K */
const [load, jumpIfEqual, end] = [0x20, 0x15, 0x06];
/** SECCOMP_RET_ALLOW; SECCOMP_RET_ERRNO with EAGAIN, which pthread_create gives on. */
const [allow, tryAgain] = [0x7fff0000, 0x00050000 + 11];
/** PR_SET_NO_NEW_PRIVS; PR_SET_SECCOMP with SECCOMP_MODE_FILTER. */
const [noNewPrivileges, setFilter, filterMode] = [38, 22, 2];

/** [code, jump if true, jump if false, operand] of each step; the call's number comes first. */
const steps: readonly (readonly [number, number, number, number])[] = [
  [load, 0, 0, 0],
  [jumpIfEqual, 1, 0, cloneNumber],
  [jumpIfEqual, 0, 1, clone3Number],
  [end, 0, 0, tryAgain],
  [end, 0, 0, allow],
];

/** Binds the calling thread, and those that it starts. */
function denyThreads(): void {
  const filter = new Uint8Array(steps.length * 8);
  const view = new DataView(filter.buffer);
  for (const [index, [code, ifTrue, ifFalse, operand]] of steps.entries()) {
    view.setUint16(index * 8, code, true);
    view.setUint8(index * 8 + 2, ifTrue);
    view.setUint8(index * 8 + 3, ifFalse);
    view.setUint32(index * 8 + 4, operand, true);
  }
  const library = koffi.load('libc.so.6');
  const program = koffi.struct({ length: 'uint16', filter: 'void*' });
  const prctl = library.func('prctl', 'int', [
    'int',
    'ulong',
    koffi.pointer(program),
    'ulong',
    'ulong',
  ]);
  prctl(noNewPrivileges, 1, null, 0, 0);
  const status = prctl(setFilter, filterMode, { length: steps.length, filter }, 0, 0);
  if (status !== 0) process.stderr.write('no seccomp filter here\n');
}

if (!isMainThread) denyThreads();

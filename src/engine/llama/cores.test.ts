// Checks the cores that are counted, and how many threads come of them.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  coresHere,
  defaultPoll,
  defaultThreads,
  fitThreads,
  ownProcessors,
  tryThreads,
} from './cores.js';

/** A machine by its files; two hyper-threads a core where `siblings` says so. */
function machine(files: Record<string, string>, siblings: readonly string[] = []) {
  const topology = siblings.map((list, index) => [
    `/sys/devices/system/cpu/cpu${index}/topology/thread_siblings_list`,
    `${list}\n`,
  ]);
  const all: Record<string, string> = { ...files, ...Object.fromEntries(topology) };
  return (path: string): string | null => all[path] ?? null;
}

const status = (list: string) => ({
  '/proc/self/status': `Name:\tnode\nCpus_allowed_list:\t${list}\n`,
});
const group = { '/proc/self/cgroup': '0::/box\n' };

describe('cores', () => {
  it('count hyper-threads of one core once', () => {
    const read = machine(status('0-3'), ['0,2', '1,3', '0,2', '1,3']);
    assert.deepEqual(coresHere(read, 4), {
      ...{ usable: 4, physical: 2, threadsLeft: null },
      allowed: [0, 1, 2, 3],
    });
  });

  it('outside the affinity mask do not count', () => {
    const read = machine(status('1,3'), ['0,2', '1,3', '0,2', '1,3']);
    assert.deepEqual(coresHere(read, 2), {
      ...{ usable: 2, physical: 1, threadsLeft: null },
      allowed: [1, 3],
    });
  });

  it('beyond the quota of a control group do not count, and one always does', () => {
    const box = (max: string) => machine({ ...group, '/sys/fs/cgroup/box/cpu.max': max });
    assert.equal(coresHere(box('350000 100000'), 8).usable, 3);
    assert.equal(coresHere(box('50000 100000'), 8).usable, 1);
    assert.equal(coresHere(box('max 100000'), 8).usable, 8);
  });

  it('are the processors where the system does not tell', () => {
    assert.deepEqual(
      coresHere(() => null, 6),
      { usable: 6, physical: 6, threadsLeft: null, allowed: [] },
    );
  });

  it('limited by a parent group leave as many threads as the tightest allows', () => {
    const read = machine({
      ...group,
      '/sys/fs/cgroup/box/pids.max': 'max\n',
      '/sys/fs/cgroup/box/pids.current': '4\n',
      '/sys/fs/cgroup/pids.max': '20\n',
      '/sys/fs/cgroup/pids.current': '15\n',
    });
    assert.equal(coresHere(read, 4).threadsLeft, 5);
  });
});

const cores = (usable: number, physical: number, threadsLeft: number | null = null) => ({
  ...{ usable, physical, threadsLeft, allowed: [] },
});

describe('threads', () => {
  it('leave a core for the program, and never outnumber the physical ones', () => {
    const counts = [cores(1, 1), cores(2, 2), cores(4, 4), cores(8, 4)].map(defaultThreads);
    assert.deepEqual(counts, [1, 1, 3, 4]);
  });

  it('spin between passes only where no two share a core', () => {
    assert.deepEqual([defaultPoll(4, cores(4, 4)), defaultPoll(5, cores(4, 4))], [50, 0]);
  });

  it('have a processor each where they take all of them, and only then', () => {
    const allowed = [1, 3];
    const two = { ...cores(2, 2), allowed };
    assert.deepEqual(ownProcessors(2, two), allowed);
    assert.deepEqual(ownProcessors(1, two), []);
    assert.deepEqual(ownProcessors(3, two), []);
    // Other processes of the group may use the other processors.
    assert.deepEqual(ownProcessors(2, { ...cores(1, 2), allowed }), []);
    assert.deepEqual(ownProcessors(2, cores(2, 2)), []);
  });

  it('that leave no core are warned of with the count that would', () => {
    const fit = fitThreads({ threads: 2, batchThreads: 4 }, cores(4, 4));
    assert.deepEqual(fit.options, { threads: 2, batchThreads: 4 });
    assert.match(fit.warnings.join(), /^4 threads on 4 cores leave none .* than with 3$/);
    assert.deepEqual(fitThreads({ threads: 3, batchThreads: 3 }, cores(4, 4)).warnings, []);
    assert.deepEqual(fitThreads({ threads: 1, batchThreads: 1 }, cores(1, 1)).warnings, []);
  });

  it('that the system would refuse become one, with a warning', () => {
    const fit = fitThreads({ threads: 4, batchThreads: 4 }, cores(8, 8, 11));
    assert.deepEqual(fit.options, { threads: 1, batchThreads: 1 });
    assert.match(fit.warnings.join(), /allows only 11 more threads: .* one instead of 4/);
    assert.deepEqual(fitThreads({ threads: 3, batchThreads: 3 }, cores(8, 8, 11)).warnings, []);
  });

  it('that cannot be started beside those of Node become one, with a warning', () => {
    const options = { threads: 2, batchThreads: 4 };
    const under = (limit: number) => tryThreads(options, (count) => count <= limit);
    assert.deepEqual(under(11), { options, warnings: [] });
    assert.deepEqual(under(10).options, { threads: 1, batchThreads: 1 });
    assert.match(under(10).warnings.join(), /refuses to start 11 threads: .* one instead of 4/);
    const one = { threads: 1, batchThreads: 1 };
    assert.deepEqual(
      tryThreads(one, () => false),
      { options: one, warnings: [] },
    );
  });
});

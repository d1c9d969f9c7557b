// Reads the limits of this process's Linux control groups, versions 1 and 2: processor time,
// memory, number of threads. The tightest of a group and its parents counts. Source: cgroups(7).

/** Text of a file, one character a byte, or null where it cannot be read. */
export type ReadText = (path: string) => string | null;

type Controller = 'cpu' | 'memory' | 'pids';

/** Processor time that the groups allow, in processors; null without a limit. */
export function processorQuota(read: ReadText): number | null {
  const quotas = groupFolders(read, 'cpu').map((folder) => {
    const [max, period] = read(`${folder}/cpu.max`)?.trim().split(' ') ?? [
      read(`${folder}/cpu.cfs_quota_us`)?.trim(),
      read(`${folder}/cpu.cfs_period_us`)?.trim(),
    ];
    return Number(max) / Number(period);
  });
  return least(quotas.filter((quota) => quota > 0));
}

/** Bytes that the groups allow, where fewer than the machine has; null without a limit. */
export function memoryLimitBytes(read: ReadText, totalBytes: number): number | null {
  const limits = groupFolders(read, 'memory').map((folder) =>
    Number((read(`${folder}/memory.max`) ?? read(`${folder}/memory.limit_in_bytes`))?.trim()),
  );
  // Version 1 writes "no limit" as a number near 2^63.
  return least(limits.filter((limit) => limit > 0 && limit < totalBytes));
}

/** Bytes in use by the innermost group that counts them; 0 where none does. */
export function memoryUsedBytes(read: ReadText): number {
  for (const folder of groupFolders(read, 'memory')) {
    const text = read(`${folder}/memory.current`) ?? read(`${folder}/memory.usage_in_bytes`);
    if (text !== null) return Number(text.trim());
  }
  return 0;
}

/** Threads that the groups still let this process start; null without a limit. */
export function threadsLeft(read: ReadText): number | null {
  const left = groupFolders(read, 'pids').map((folder) => {
    const max = Number(read(`${folder}/pids.max`)?.trim());
    return Math.max(0, max - Number(read(`${folder}/pids.current`)?.trim()));
  });
  return least(left.filter((count) => count >= 0));
}

const least = (values: readonly number[]): number | null =>
  values.length > 0 ? Math.min(...values) : null;

/** Folders of this process's groups, each with its parents. */
function groupFolders(read: ReadText, controller: Controller): string[] {
  const lines = (read('/proc/self/cgroup') ?? '').trim().split('\n');
  return lines.flatMap((line) => {
    const [, controllers = '', path = '/'] = line.split(':');
    if (controllers === '') return withParents('/sys/fs/cgroup', path);
    if (!controllers.split(',').includes(controller)) return [];
    return withParents(`/sys/fs/cgroup/${controllers}`, path).concat(
      withParents(`/sys/fs/cgroup/${controller}`, path),
    );
  });
}

function withParents(root: string, path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '');
  return parts
    .map((_, count) => [root, ...parts.slice(0, parts.length - count)].join('/'))
    .concat(root);
}

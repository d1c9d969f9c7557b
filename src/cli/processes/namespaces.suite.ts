// Connects two network namespaces by a virtual cable, so that server and devices meet as on two
// machines. Needs Linux, root and `ip`; says which is missing.

import { execFileSync } from 'node:child_process';

export interface Namespaces {
  /** The command that starts a process in the server's namespace, and in the devices'. */
  readonly serverLauncher: readonly string[];
  readonly deviceLauncher: readonly string[];
  /** The server's address, reachable from both. */
  readonly address: string;
  /** Removes both, and the cable. */
  readonly close: () => void;
}

/** Addresses reserved for tests between networks (RFC 2544). */
const [address, deviceAddress] = ['198.18.0.1', '198.18.0.2'];

const ip = (...args: string[]): void => {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
};

/** @returns the pair, or the reason why this machine has none. */
export function namespacePair(): Namespaces | { readonly missing: string } {
  if (process.platform !== 'linux') return { missing: 'network namespaces are of Linux' };
  if (process.getuid?.() !== 0) return { missing: 'network namespaces need root' };
  const [near, far] = [`pilotfish-s${process.pid}`, `pilotfish-d${process.pid}`];
  const close = (): void => {
    for (const name of [near, far]) {
      try {
        ip('netns', 'del', name);
      } catch {
        // It was never made.
      }
    }
  };
  try {
    join(near, far);
  } catch (reason) {
    close();
    return { missing: `ip cannot make network namespaces: ${(reason as Error).message.trim()}` };
  }
  const launcher = (name: string): string[] => ['ip', 'netns', 'exec', name];
  return {
    serverLauncher: launcher(near),
    deviceLauncher: launcher(far),
    address,
    close,
  };
}

function join(near: string, far: string): void {
  ip('netns', 'add', near);
  ip('netns', 'add', far);
  ip('link', 'add', 'cable', 'netns', near, 'type', 'veth', 'peer', 'name', 'cable', 'netns', far);
  for (const [name, own] of [
    [near, address],
    [far, deviceAddress],
  ] as const) {
    ip('-n', name, 'addr', 'add', `${own}/30`, 'dev', 'cable');
    ip('-n', name, 'link', 'set', 'cable', 'up');
  }
}

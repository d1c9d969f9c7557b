// Lists the floods of the storm: what one process sends as fast as a server takes it, with a key or
// as a stranger.

import { startChild } from '../../src/cli/demo/child.js';
import type { FloodKind, FloodResult, FloodSpec } from './floods.js';

export interface FloodAttack {
  readonly name: string;
  readonly kind: FloodKind;
  readonly connectionCount: number;
  readonly showsKey: boolean;
  /** Whether the server and all who come to it speak TLS. */
  readonly isTls: boolean;
  /** Whether the honest device connects for each answer, with a key that has no connection yet. */
  readonly isLockOut?: boolean;
}

const keyed = (name: string, kind: FloodKind, connectionCount = 1): FloodAttack => ({
  ...{ name, kind, connectionCount, showsKey: true, isTls: false },
});
const strange = (name: string, kind: FloodKind): FloodAttack => ({
  ...{ name, kind, connectionCount: 4, showsKey: false, isTls: false },
});
const overTls = (attack: FloodAttack): FloodAttack => ({
  ...attack,
  ...{ name: `${attack.name}, over TLS`, isTls: true },
});

export const floodAttacks: readonly FloodAttack[] = [
  keyed('Pings whose answers are not read', 'unread pings', 20),
  keyed('Cancels whose answers are not read', 'unread cancels', 20),
  keyed('requests whose answers are not read', 'unread requests', 20),
  keyed('Pings', 'pings'),
  keyed('Pings on sixteen connections', 'pings', 16),
  keyed('the same Draft', 'drafts'),
  keyed('Cancels of unknown sessions', 'cancels'),
  keyed('Opens and Closes', 'opens'),
  keyed('Resumes of sessions that never were', 'resumes'),
  keyed('TailRequests', 'tails'),
  keyed('parts of pictures', 'picture parts'),
  keyed('parts of pictures on sixteen connections', 'picture parts', 16),
  keyed('pictures in parts of one byte', 'picture crumbs'),
  keyed('messages in parts of one byte', 'fragments'),
  keyed("the carrier's own pings", 'control frames'),
  keyed('requests for nothing', 'cheap requests', 4),
  strange('requests without a key', 'refused requests'),
  strange('upgrades without a key', 'refused upgrades'),
  strange('requests for /livez', 'liveness requests'),
  { ...keyed('connections of one key', 'connections', 1_100), isLockOut: true },
  ...[
    keyed('Pings whose answers are not read', 'unread pings', 20),
    keyed('Pings', 'pings'),
    keyed('requests for nothing', 'cheap requests', 4),
    strange('requests without a key', 'refused requests'),
    strange('handshakes', 'handshakes'),
  ].map(overTls),
];

/** Floods from a process of its own. */
export async function runFlood(
  { kind, connectionCount, showsKey, isTls }: FloodAttack,
  { port, token, ms }: { readonly port: number; readonly token: string; readonly ms: number },
): Promise<FloodResult> {
  const script = new URL('./flood-process.js', import.meta.url);
  const spec: FloodSpec = {
    kind,
    port,
    token: showsKey ? token : null,
    isTls,
    connectionCount,
    ms,
  };
  const child = await startChild<object, object, FloodResult>(script, spec, { isDetached: true });
  try {
    return await child.ask({});
  } finally {
    await child.stop();
  }
}

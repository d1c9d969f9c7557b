// Relays connections to a server on loopback and cuts them one by one. Knows no protocol.

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface BreakingLink {
  readonly port: number;
  /** Connections that stand. */
  readonly openCount: number;
  /** Resets those that are chosen: what is under way on them is lost. @returns how many. */
  cut(isChosen: () => boolean): number;
  close(): Promise<void>;
}

/** Relays connections to `port` on loopback. */
export async function breakingLink(port: number): Promise<BreakingLink> {
  const pairs = new Set<readonly [Socket, Socket]>();
  const relay = createServer({ noDelay: true }, (near) => {
    const pair = [near, connect({ port, host: '127.0.0.1', noDelay: true })] as const;
    pairs.add(pair);
    const end = (): void => {
      pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    for (const socket of pair) socket.on('error', end).on('close', end);
    pair[0].pipe(pair[1]).pipe(pair[0]);
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  const cut = (isChosen: () => boolean): number => {
    const chosen = [...pairs].filter(isChosen);
    for (const pair of chosen) for (const socket of pair) socket.resetAndDestroy();
    return chosen.length;
  };
  return {
    port: (relay.address() as AddressInfo).port,
    get openCount() {
      return pairs.size;
    },
    cut,
    close: async () => {
      relay.close();
      cut(() => true);
      if (relay.listening) await once(relay, 'close');
    },
  };
}

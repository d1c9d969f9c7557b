// Listens for HTTP where nothing else shares the port: the door of a device.

import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { listenRefusal } from '../../server/index.js';

export interface HttpListening {
  /** http: URL of the door. */
  readonly url: string;
  /** Stops listening and cuts what is still connected. */
  close(): Promise<void>;
}

/** Time for a request to arrive whole. */
const requestTimeoutMs = 30_000;

/**
 * Begins to listen.
 *
 * @param port 0 picks a free one.
 * @throws PilotfishError `address-unavailable`.
 */
export async function listenHttp(
  host: string,
  port: number,
  handle: RequestListener,
): Promise<HttpListening> {
  const server = createServer({ requestTimeout: requestTimeoutMs }, handle);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (reason: NodeJS.ErrnoException) =>
      reject(listenRefusal(host, port, reason)),
    );
    server.listen(port, host, resolve);
  });
  const { address, port: bound } = server.address() as AddressInfo;
  return {
    url: `http://${address.includes(':') ? `[${address}]` : address}:${bound}`,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

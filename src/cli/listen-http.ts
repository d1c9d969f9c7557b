// Listens for HTTP on a port of its own: the HTTP API of a device.

import type { RequestListener } from 'node:http';
import { closeGently, createGuardedServer, type GuardParts } from '../access/index.js';
import { listenOn } from '../access/listen.js';

export interface HttpListening {
  /** http: or https: URL of the API. */
  readonly url: string;
  /** Stops listening, and closes remaining connections a moment later. */
  close(): Promise<void>;
}

export interface ListenHttpAt extends Pick<GuardParts, 'access' | 'tls'> {
  /** Checked by the caller with checkBind. */
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
}

/** Starts to listen. @throws PilotfishError `address-unavailable`. */
export async function listenHttp(
  { host, port, access, tls }: ListenHttpAt,
  handle: RequestListener,
): Promise<HttpListening> {
  const server = createGuardedServer({ access, tls, request: handle });
  const { address, port: bound } = await listenOn(server, host, port);
  return {
    url: `${tls === null ? 'http' : 'https'}://${address.includes(':') ? `[${address}]` : address}:${bound}`,
    close: () => closeGently(server),
  };
}

// Begins to listen on an address, and says in words why an address cannot be had.

import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PilotfishError } from '../base/error.js';

/**
 * Makes a server listen.
 *
 * @param port 0 picks a free one.
 * @returns where it listens.
 * @throws PilotfishError `address-unavailable`, naming the address and the reason.
 */
export async function listenOn(
  server: Pick<Server, 'listen' | 'once' | 'address'>,
  host: string,
  port: number,
): Promise<AddressInfo> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (reason: NodeJS.ErrnoException) => reject(refusal(host, port, reason)));
    server.listen(port, host, resolve);
  });
  return server.address() as AddressInfo;
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'this user may not listen there; ports below 1024 need special rights',
  ENOTFOUND: 'there is no such host name',
  EAI_AGAIN: 'the host name cannot be resolved now',
  EAFNOSUPPORT: 'this machine does not support that kind of address',
  EINVAL: 'it is not an address to listen on',
};

function refusal(host: string, port: number, cause: NodeJS.ErrnoException): PilotfishError {
  const reason = reasons[cause.code ?? ''] ?? cause.message;
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const message = `cannot listen on ${address}: ${reason}`;
  return new PilotfishError('address-unavailable', message, { cause });
}

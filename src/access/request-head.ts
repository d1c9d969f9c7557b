// Refuses heads that two readers of HTTP may understand differently, and upgrades to anything but
// the protocol. Looks at the head alone, which is bounded.

import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { AccessDecision } from './access.js';

/** Why a head is refused, as HTTP says it. */
export interface HeadFault {
  readonly status: 400 | 404 | 405 | 426 | 501 | 505;
  /** Header fields of the refusal. */
  readonly fields: Readonly<Record<string, string>>;
}

/** An upgrade that a server takes. */
export interface UpgradeRules {
  readonly path: string;
  readonly subprotocol: string;
}

const fault = (
  status: HeadFault['status'],
  fields: Readonly<Record<string, string>> = {},
): HeadFault => ({ status, fields });

/** In place of a decision on a head that names no one host or end: its caller is not let in. */
export const refusedHead: AccessDecision = {
  kind: 'refused',
  ...{ code: 'host-unknown', message: 'the head can be read in two ways' },
};

/** RFC 6455 has no other. */
const webSocketVersion = '13';

/**
 * The fault of any request, an upgrade included, or null. A proxy in front may take another host or
 * another end of the body for the right one (RFC 9112, sections 3.2 and 6.1).
 */
export function headFault({ headers, rawHeaders, httpVersion }: IncomingMessage): HeadFault | null {
  let hostCount = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]!.toLowerCase() === 'host') hostCount++;
  }
  if (hostCount > 1) return fault(400);
  const coding = headers['transfer-encoding'];
  if (coding === undefined) return null;
  if (httpVersion !== '1.1') return fault(400);
  return coding.trim().toLowerCase() === 'chunked' ? null : fault(501);
}

/** The fault of an upgrade whose head has none. Ask after its key: it tells what is served here. */
export function upgradeFault(
  { method, url, headers, httpVersion }: IncomingMessage,
  { path, subprotocol }: UpgradeRules,
): HeadFault | null {
  if (httpVersion !== '1.1') return fault(505);
  if (headers.upgrade?.toLowerCase() !== 'websocket') return fault(426, { Upgrade: 'websocket' });
  if (method !== 'GET') return fault(405, { Allow: 'GET' });
  if (url?.split('?')[0] !== path) return fault(404);
  if (headers['sec-websocket-version'] !== webSocketVersion) {
    return fault(426, { Upgrade: 'websocket', 'Sec-WebSocket-Version': webSocketVersion });
  }
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  return offered.includes(subprotocol) ? null : fault(400);
}

/** Answers a request whose head is refused, and ends its connection. */
export function refuseRequest(response: ServerResponse, { status, fields }: HeadFault): void {
  response.once('finish', () => response.req.socket.destroySoon());
  response.writeHead(status, { ...fields, connection: 'close' }).end();
}

/** Answers an upgrade that is refused, and ends its connection. */
export function refuseHandshake(socket: Duplex, { status, fields }: HeadFault): void {
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  // It may be gone already.
  socket.on('error', () => undefined);
  // A peer that does not close its half is not waited for.
  socket.once('finish', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}Connection: close\r\nContent-Length: 0\r\n\r\n`,
  );
}

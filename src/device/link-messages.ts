// Explains in words why a link is down: translates the codes of sockets and systems. Names the code
// in brackets where a person may have to look it up.

import { codeOfCloseCode } from '../protocol/code.js';
import { closeLost, closeNormal, type TransportEnd } from '../protocol/transport.js';

/** WebSocket close code of an end that goes away, such as a server that is stopped. */
const closeGoingAway = 1001;

/** One clause for an established connection that has ended. */
export function closeMessage({ code, reason }: TransportEnd): string {
  const ours = codeOfCloseCode(code);
  if (ours !== null) return `the server ended the connection (${ours})`;
  if (code === closeLost) return 'the connection broke';
  if (code === closeNormal || code === closeGoingAway) return 'the server ended the connection';
  return `the connection was ended (${reason === '' ? `WebSocket code ${code}` : reason})`;
}

const systemWords: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  ENOTFOUND: 'host name not found',
  EAI_AGAIN: 'the host name cannot be resolved now',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ETIMEDOUT: 'timed out',
  EPROTO: 'the server does not speak TLS',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'the server requires a client certificate',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not signed by a trusted authority',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed and not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not signed by a trusted authority',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host name',
};

/** WebSocket errors without a code. A dial that is no longer wanted is closed early. */
const socketWords: Readonly<Record<string, string>> = {
  'socket hang up': systemWords['ECONNRESET']!,
  'Opening handshake has timed out': systemWords['ETIMEDOUT']!,
  'WebSocket was closed before the connection was established': systemWords['ETIMEDOUT']!,
};

/** One clause for a failed dial. @param cause the dialler's error. */
export function dialMessage(cause: unknown): string {
  // Node reports several failed addresses of one name as one error without a message.
  const first = cause instanceof AggregateError ? (cause.errors[0] as unknown) : cause;
  const { code, message } = (first ?? cause) as NodeJS.ErrnoException;
  if (code !== undefined && code in systemWords) return `${systemWords[code]} (${code})`;
  if (typeof message !== 'string' || message === '') return String(cause);
  const status = /^Unexpected server response: (\d+)$/.exec(message)?.[1];
  if (status !== undefined) {
    return `not a Pilotfish server (HTTP status ${status})`;
  }
  return socketWords[message] ?? message;
}

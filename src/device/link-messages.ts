// Why a link is down, in words for a person: what sockets and systems say by codes. Pure; names the code in brackets
// where somebody may have to look it up.

import { codeOfCloseCode } from '../protocol/code.js';
import { closeLost, closeNormal, type TransportEnd } from '../protocol/transport.js';

/** WebSocket close code of an end that goes away, such as a server that is stopped. */
const closeGoingAway = 1001;

/** One clause for a connection that stood and has ended. */
export function closeMessage({ code, reason }: TransportEnd): string {
  const ours = codeOfCloseCode(code);
  if (ours !== null) return `the server ended the connection (${ours})`;
  if (code === closeLost) return 'the connection broke';
  if (code === closeNormal || code === closeGoingAway) return 'the server ended the connection';
  return `the connection was ended (${reason === '' ? `WebSocket code ${code}` : reason})`;
}

const systemWords: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'it hung up',
  ENOTFOUND: 'there is no such name',
  EAI_AGAIN: 'the name cannot be looked up now',
  EHOSTUNREACH: 'there is no way to that host',
  ENETUNREACH: 'there is no way to that network',
  ETIMEDOUT: 'no answer in time',
  EPROTO: 'what listens there does not speak TLS',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'it asks for a certificate of this device',
  SELF_SIGNED_CERT_IN_CHAIN: 'nobody trusted here has signed its certificate',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'nobody trusted here has signed its self-signed certificate',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'nobody trusted here has signed its certificate',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
};

/** What the WebSocket library says without a code; a dial is closed before its time where nobody waits any more. */
const socketWords: Readonly<Record<string, string>> = {
  'socket hang up': systemWords['ECONNRESET']!,
  'Opening handshake has timed out': systemWords['ETIMEDOUT']!,
  'WebSocket was closed before the connection was established': systemWords['ETIMEDOUT']!,
};

/** One clause for a connection that did not come about. @param cause what a dialler threw. */
export function dialMessage(cause: unknown): string {
  // Node reports several failed addresses of one name as one error without a message.
  const first = cause instanceof AggregateError ? (cause.errors[0] as unknown) : cause;
  const { code, message } = (first ?? cause) as NodeJS.ErrnoException;
  if (code !== undefined && code in systemWords) return `${systemWords[code]} (${code})`;
  if (typeof message !== 'string' || message === '') return String(cause);
  const status = /^Unexpected server response: (\d+)$/.exec(message)?.[1];
  if (status !== undefined) {
    return `what listens there is no server of this protocol (HTTP status ${status})`;
  }
  return socketWords[message] ?? message;
}

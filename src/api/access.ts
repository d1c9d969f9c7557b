// Who may ask: keys, and the browsers of strangers. A page that somebody has open must not be able to use a door on the
// same machine, neither by its own address (origin) nor by a name that it has bent towards this machine (host).

import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { ApiError } from './api-error.js';

export interface AccessRules {
  /** Null: no key is asked for. Takes as long for a wrong key as for a right one. */
  readonly acceptsKey: ((key: string) => boolean) | null;
  /** Origins whose pages may ask, as `https://example.org`; `*`: all. */
  readonly origins: readonly string[];
}

/** @throws ApiError `invalid_api_key`. */
export function checkKey({ headers }: IncomingMessage, { acceptsKey }: AccessRules): void {
  if (acceptsKey === null) return;
  const [, key] = /^Bearer +(.*\S)/i.exec(headers.authorization ?? '') ?? [];
  if (key === undefined) {
    throw new ApiError('invalid_api_key', 'a key is needed: Authorization: Bearer KEY');
  }
  if (!acceptsKey(key)) throw new ApiError('invalid_api_key', 'the key is not known here');
}

/**
 * Headers that let a page of an allowed origin read the answer; none where no page asks.
 *
 * @throws ApiError `origin_not_allowed`.
 */
export function checkOrigin(
  { headers }: IncomingMessage,
  { origins }: AccessRules,
): Readonly<Record<string, string>> {
  const { origin } = headers;
  if (origin === undefined) return {};
  if (!origins.includes('*') && !origins.includes(origin)) {
    throw new ApiError('origin_not_allowed', `pages of ${origin} may not ask here`);
  }
  return {
    'access-control-allow-origin': origin,
    vary: 'Origin',
    'access-control-expose-headers': 'x-request-id, retry-after',
  };
}

export const preflightHeaders = {
  'access-control-allow-methods': 'GET, POST, OPTIONS',
  'access-control-allow-headers': 'authorization, content-type',
  'access-control-max-age': '600',
} as const;

/**
 * A request that came in over loopback names loopback, or an address, or a name without a key being no protection:
 * a page whose name was bent to 127.0.0.1 still sends its own name.
 *
 * @throws ApiError `host_not_allowed`.
 */
export function checkHost({ headers, socket }: IncomingMessage, rules: AccessRules): void {
  // With keys a page has nothing to gain: it does not know any.
  if (rules.acceptsKey !== null || !isLoopback(socket.localAddress ?? '')) return;
  const name = (headers.host ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  if (name === '' || isIP(name) !== 0 || name === 'localhost' || name.endsWith('.localhost'))
    return;
  throw new ApiError('host_not_allowed', `'${name}' is no name of this machine's own`);
}

const isLoopback = (address: string): boolean =>
  address === '::1' || /^(::ffff:)?127\./.test(address);

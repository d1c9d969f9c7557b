// Decides who may speak, once for every request and upgrade, before anything answers: by the host
// name it came under, the page it came from and the key it shows. A refused caller learns that it
// is refused, and nothing else.

import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { KeyGrant } from '../base/key-grant.js';
import { isLoopback } from './address.js';
import type { KeyRing, OnRevoked } from './key-ring.js';

/** What is asked of a request. */
export interface AccessRules {
  /** Null: no key is asked for. */
  readonly keys: KeyRing | null;
  /** Origins whose pages may ask, as `https://example.org`; `*`: all. */
  readonly origins: readonly string[];
}

export type RefusalCode = 'key-missing' | 'key-unknown' | 'origin-unknown' | 'host-unknown';

/** What was decided about a request. */
export type AccessDecision =
  /**
   * `grant`: null where no key is asked for. `origin`: of the page that asks, null where no page
   * does.
   */
  | {
      readonly kind: 'admitted';
      readonly grant: KeyGrant | null;
      readonly origin: string | null;
    }
  /** A browser asks, for an allowed page, whether the page may send requests. */
  | { readonly kind: 'preflight'; readonly origin: string }
  /** Open to all: whether the process lives. */
  | { readonly kind: 'open' }
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly message: string };

/** The only path that needs no key: a supervisor that cannot hold secrets asks it. */
export const openPath = '/livez';
/** A page cannot set headers of an upgrade, but names subprotocols: this one and its key. */
export const keySubprotocol = 'pilotfish.key.';

const refused = (code: RefusalCode, message: string): AccessDecision => ({
  kind: 'refused',
  ...{ code, message },
});

/**
 * Decides on every request and every upgrade before anything answers: by the host it names, the
 * page it comes from, and the key it shows.
 *
 * @example
 * ```ts
 * import { Access, type KeyRing } from 'pilotfish/server';
 *
 * const perMinute = { tokensPerMinute: 20_000, bytesPerMinute: null };
 * const limits = { connections: 2, sessions: 4, rounds: null, promptTokens: null, ...perMinute };
 * const keys: KeyRing = {
 *   grantOf: (token) => (token === 'secret' ? { id: 'kitchen', limits } : null),
 *   onRevoked: () => () => undefined,
 * };
 * const access = new Access({ keys, origins: [] });
 * access.hasKeys; // = true
 * ```
 */
export class Access {
  readonly #rules: AccessRules;
  /** Decisions so far: the listener and the HTTP API behind it ask about the same request. */
  readonly #decided = new WeakMap<IncomingMessage, AccessDecision>();

  constructor(rules: AccessRules) {
    this.#rules = rules;
  }

  /** Whether a key is asked for. */
  get hasKeys(): boolean {
    return this.#rules.keys !== null;
  }

  /** Calls back with the ids of keys that are none any more. @returns what ends it. */
  onRevoked(listener: OnRevoked): () => void {
    return this.#rules.keys?.onRevoked(listener) ?? (() => undefined);
  }

  /** Decides on a request or an upgrade; the same for the same request. */
  admit(request: IncomingMessage): AccessDecision {
    let admission = this.#decided.get(request);
    if (admission === undefined) {
      admission = this.#decide(request);
      this.#decided.set(request, admission);
    }
    return admission;
  }

  #decide(request: IncomingMessage): AccessDecision {
    const { method, url, headers } = request;
    if (!this.#isOwnName(request)) {
      return refused('host-unknown', 'the request names a host that is not this machine');
    }
    const { origin } = headers;
    if (origin !== undefined && !this.#allows(origin)) {
      return refused('origin-unknown', 'pages of this origin are not allowed here');
    }
    const isPreflight = method === 'OPTIONS' && 'access-control-request-method' in headers;
    if (isPreflight && origin !== undefined) return { kind: 'preflight', origin };
    const isUpgrade = headers.upgrade !== undefined;
    if (method === 'GET' && !isUpgrade && url === openPath) return { kind: 'open' };
    return this.#byKey(request, origin ?? null);
  }

  #byKey({ headers }: IncomingMessage, origin: string | null): AccessDecision {
    const { keys } = this.#rules;
    if (keys === null) return { kind: 'admitted', grant: null, origin };
    const token = tokenOf(headers);
    if (token === null) return refused('key-missing', 'a key is needed: Authorization: Bearer KEY');
    const grant = keys.grantOf(token);
    if (grant === null) return refused('key-unknown', 'the key is not known here');
    return { kind: 'admitted', grant, origin };
  }

  #allows(origin: string): boolean {
    const { origins } = this.#rules;
    return origins.includes('*') || origins.includes(origin);
  }

  /**
   * A request over loopback must name loopback or an address, a name without a key being no
   * protection: a page whose name was bent to 127.0.0.1 still sends its own name. With keys a page
   * has nothing to gain, for it knows none.
   */
  #isOwnName({ headers, socket }: IncomingMessage): boolean {
    if (this.hasKeys || !isLoopback(socket.localAddress ?? '')) return true;
    const name = (headers.host ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
    return name === '' || isIP(name) !== 0 || name === 'localhost' || name.endsWith('.localhost');
  }
}

/**
 * Whether an admitted caller may read the statistics: by right of its key, or from this machine
 * where it has none.
 */
export function mayReadStats(
  { grant }: { grant: KeyGrant | null },
  { socket }: IncomingMessage,
): boolean {
  if (grant !== null) return grant.may?.includes('stats') ?? false;
  return isLoopback(socket.remoteAddress ?? '');
}

/** Asks for no key: for servers that only this machine can reach, and for tests. */
export const openAccess = (): Access => new Access({ keys: null, origins: [] });

function tokenOf(headers: IncomingMessage['headers']): string | null {
  const [, bearer] = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '') ?? [];
  if (bearer !== undefined) return bearer;
  if (headers.upgrade === undefined) return null;
  const named = (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  return (
    named.find((name) => name.startsWith(keySubprotocol))?.slice(keySubprotocol.length) ?? null
  );
}

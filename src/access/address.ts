// Tells which addresses are this machine alone, and which addresses count as one unauthenticated
// peer. Resolves names only for an address to listen on.

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

/** Whether an IP address can be reached from this machine alone. */
export const isLoopback = (address: string): boolean =>
  address === '::1' || /^(::ffff:)?127\.\d+\.\d+\.\d+$/i.test(address);

/**
 * Whether all that a name or address to listen on stands for is loopback. A name that leads nowhere
 * is not.
 */
export async function isLoopbackHost(host: string): Promise<boolean> {
  if (isIP(host) !== 0) return isLoopback(host);
  try {
    const found = await lookup(host, { all: true });
    return found.length > 0 && found.every(({ address }) => isLoopback(address));
  } catch {
    return false;
  }
}

/**
 * The address range that one peer is likely to control: an IPv4 address, or the first 64 bits of an
 * IPv6 address.
 */
export function addressBlock(address: string): string {
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? [];
  if (mapped !== undefined) return mapped;
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.replace(/%.*$/, '').split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail ? tail.split(':') : [];
  const gap = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array<string>(Math.max(0, gap)).fill('0'), ...right];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}

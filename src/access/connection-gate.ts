// Limits connections that have not shown a key yet, in all and for one address. Admitted
// connections count no more, so that devices behind one address or proxy do not crowd each other
// out. Pure.

import { addressBlock, isLoopback } from './address.js';

/** How many connections may stand that have not shown a key. */
export interface GateLimits {
  /** Strangers at once. */
  readonly unauthenticatedMax: number;
  /** Of one address, or of 64 bits of IPv6; this machine's own are counted only in the sum. */
  readonly perAddressMax: number;
}

export const gateDefaults: GateLimits = { unauthenticatedMax: 1024, perAddressMax: 32 };

export class ConnectionGate {
  readonly #limits: GateLimits;
  /** Address block of each unauthenticated connection. */
  readonly #unauthenticated = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  constructor(limits: GateLimits) {
    this.#limits = limits;
  }

  /** Strangers that are being waited for. */
  get count(): number {
    return this.#unauthenticated.size;
  }

  /**
   * Lets an unauthenticated connection in.
   *
   * @param name of the connection, unlike all others.
   * @returns false where there are too many, or one of this name.
   */
  enter(name: string, address: string): boolean {
    const { unauthenticatedMax, perAddressMax } = this.#limits;
    const block = addressBlock(address);
    const count = this.#counts.get(block) ?? 0;
    const isCrowd = count >= perAddressMax && !isLoopback(address);
    if (
      this.#unauthenticated.size >= unauthenticatedMax ||
      isCrowd ||
      this.#unauthenticated.has(name)
    )
      return false;
    this.#unauthenticated.set(name, block);
    this.#counts.set(block, count + 1);
    return true;
  }

  /** A connection was admitted, or is gone. Harmless when said again. */
  settle(name: string): void {
    const block = this.#unauthenticated.get(name);
    if (block === undefined) return;
    this.#unauthenticated.delete(name);
    const left = this.#counts.get(block)! - 1;
    if (left === 0) this.#counts.delete(block);
    else this.#counts.set(block, left);
  }
}

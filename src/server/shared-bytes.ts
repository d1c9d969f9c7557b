// Bounds bytes that connections hold together, beyond a small amount that each may hold: where
// there is no more room, the largest holder has to let go. Counts bytes, keeps none.

/** Every connection may hold this much: nearly all need less. */
export const smallBytes = 64 * 1024;

/** What one connection holds. */
export interface Share {
  readonly bytes: number;
  /** @param change may be negative. */
  add(change: number): void;
  set(bytes: number): void;
}

export class SharedBytes {
  readonly #bytesMax: number;
  /** Those that hold more than a little. */
  readonly #holders = new Set<Holder>();
  #bytes = 0;

  /** @param bytesMax of all, beyond what is small. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** @param onLargest called once, when it holds most of all and there is no more room. */
  share(onLargest: () => void): Share {
    return new Holder((holder, bytes) => this.#set(holder, bytes), onLargest);
  }

  #set(holder: Holder, bytes: number): void {
    if (holder.isCut) return;
    this.#bytes += excess(bytes) - excess(holder.bytes);
    holder.bytes = bytes;
    if (excess(bytes) > 0) this.#holders.add(holder);
    else this.#holders.delete(holder);
    if (this.#bytes > this.#bytesMax) this.#relieve();
  }

  /** Cuts off the largest holder, so that small ones are not crowded out. */
  #relieve(): void {
    let largest: Holder | null = null;
    for (const holder of this.#holders) {
      if (largest === null || holder.bytes > largest.bytes) largest = holder;
    }
    if (largest === null) return;
    this.#bytes -= excess(largest.bytes);
    this.#holders.delete(largest);
    largest.cut();
  }
}

class Holder implements Share {
  bytes = 0;
  /** What it still gets is not kept: it counts no more. */
  isCut = false;
  readonly #change: (holder: Holder, bytes: number) => void;
  readonly #onLargest: () => void;

  constructor(change: (holder: Holder, bytes: number) => void, onLargest: () => void) {
    this.#change = change;
    this.#onLargest = onLargest;
  }

  add(change: number): void {
    this.set(this.bytes + change);
  }

  set(bytes: number): void {
    this.#change(this, bytes);
  }

  cut(): void {
    this.isCut = true;
    this.#onLargest();
  }
}

const excess = (bytes: number): number => Math.max(0, bytes - smallBytes);

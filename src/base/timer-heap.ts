// Keeps entries in order of time, then of insertion: a binary heap whose entries know their places,
// so that one can be removed without leaving anything behind. Reads no clock.

/** What the heap needs of an entry; `index` belongs to the heap. */
export interface TimerEntry {
  readonly atMs: number;
  /** Unique among the entries; decides between equal times. */
  readonly order: number;
  /** Place in the heap; -1 outside it. */
  index: number;
}

const isBefore = (a: TimerEntry, b: TimerEntry): boolean =>
  a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

export class TimerHeap<Entry extends TimerEntry> {
  readonly #heap: Entry[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** The earliest entry; undefined where there is none. */
  get first(): Entry | undefined {
    return this.#heap[0];
  }

  /** @param entry with an index of -1. */
  add(entry: Entry): void {
    entry.index = this.#heap.push(entry) - 1;
    this.#rise(entry);
  }

  /** Does nothing for an entry outside the heap. */
  remove(entry: Entry): void {
    if (entry.index < 0) return;
    const { index } = entry;
    const last = this.#heap.pop()!;
    entry.index = -1;
    if (last === entry) return;
    this.#put(last, index);
    this.#rise(last);
    this.#sink(last);
  }

  #put(entry: Entry, index: number): void {
    this.#heap[index] = entry;
    entry.index = index;
  }

  #rise(entry: Entry): void {
    for (let index = entry.index; index > 0; ) {
      const above = (index - 1) >> 1;
      const parent = this.#heap[above]!;
      if (!isBefore(entry, parent)) break;
      this.#put(parent, index);
      this.#put(entry, above);
      index = above;
    }
  }

  #sink(entry: Entry): void {
    for (;;) {
      const left = 2 * entry.index + 1;
      let child = this.#heap[left];
      if (child === undefined) return;
      const other = this.#heap[left + 1];
      if (other !== undefined && isBefore(other, child)) child = other;
      if (!isBefore(child, entry)) return;
      const { index } = child;
      this.#put(child, entry.index);
      this.#put(entry, index);
    }
  }
}

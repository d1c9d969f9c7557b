// Keeps what had come of a picture when its connection was lost: for a minute, for the same key,
// and within a bound for all.

/** A device that has lost its link is back by then, or begins again. */
const keptMs = 60_000;

interface CutUpload {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly untilMs: number;
}

export class CutUploads {
  readonly #bytesMax: number;
  readonly #now: () => number;
  /** Oldest first. */
  readonly #uploads = new Map<string, CutUpload>();
  #bytes = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(bytesMax = 32 * 2 ** 20, now: () => number = () => performance.now()) {
    this.#bytesMax = bytesMax;
    this.#now = now;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @param name of the whole picture. @param bytes its beginning. */
  put(key: string | null, name: string, bytes: Uint8Array): void {
    this.take(key, name);
    if (bytes.length > this.#bytesMax) return;
    this.#uploads.set(idOf(key, name), { name, bytes, untilMs: this.#now() + keptMs });
    this.#bytes += bytes.length;
    for (const id of this.#uploads.keys()) {
      if (this.#bytes <= this.#bytesMax) break;
      this.#drop(id);
    }
    this.#timer ??= setInterval(() => this.#sweep(), keptMs / 4).unref();
  }

  /** Hands out what there is of a picture; null: nothing. */
  take(key: string | null, name: string): Uint8Array | null {
    this.#sweep();
    const id = idOf(key, name);
    const upload = this.#uploads.get(id);
    if (upload === undefined) return null;
    this.#drop(id);
    return upload.bytes;
  }

  close(): void {
    for (const id of [...this.#uploads.keys()]) this.#drop(id);
    this.#sweep();
  }

  #drop(id: string): void {
    this.#bytes -= this.#uploads.get(id)!.bytes.length;
    this.#uploads.delete(id);
  }

  #sweep(): void {
    for (const [id, { untilMs }] of this.#uploads) {
      if (untilMs > this.#now()) break;
      this.#drop(id);
    }
    if (this.#uploads.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}

const idOf = (key: string | null, name: string): string => `${key ?? ''} ${name}`;

// Writes protobuf's binary encoding, for our own frames only: the caller has checked the values.
// Gives the same bytes as the official encoders: fields in rising order, packed lists, shortest
// varints.

/**
 * Size of the buffer reused for all frames; allocating it is half the cost of a short frame. A
 * larger buffer is dropped.
 */
const keptBytes = 16_384;

export class WireWriter {
  #bytes = new Uint8Array(keptBytes);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** The bytes that `write` writes, owned by the caller. Leftovers of an earlier call are gone. */
  collect(write: () => void): Uint8Array {
    this.#length = 0;
    write();
    const written = this.#bytes.slice(0, this.#length);
    if (this.#bytes.length > keptBytes) this.#resize(keptBytes);
    return written;
  }

  /** Bytes written since `collect` began. */
  get length(): number {
    return this.#length;
  }

  tag(number: number, wireType: number): void {
    this.u32(number * 8 + wireType);
  }

  /** @param value in [0, 2^32). */
  u32(value: number): void {
    this.#reserve(5);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  f64(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  /** A packed list of doubles; a law may have one for each token. */
  packedF64(values: Float64Array): void {
    this.u32(values.byteLength);
    this.#reserve(values.byteLength);
    for (const value of values) {
      this.#view.setFloat64(this.#length, value, true);
      this.#length += 8;
    }
  }

  f32(value: number): void {
    this.#reserve(4);
    this.#view.setFloat32(this.#length, value, true);
    this.#length += 4;
  }

  fixed32(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }

  u64(value: bigint): void {
    this.#reserve(8);
    this.#view.setBigUint64(this.#length, value, true);
    this.#length += 8;
  }

  bytes(value: Uint8Array): void {
    this.u32(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** Writes length and content of what `write` writes. */
  delimited(write: () => void): void {
    // One byte is enough for nearly all lengths; otherwise the content moves.
    this.#reserve(5);
    const from = ++this.#length;
    write();
    const length = this.#length - from;
    if (length < 0x80) {
      this.#bytes[from - 1] = length;
      return;
    }
    const prefixLength = varintLength(length);
    this.#reserve(prefixLength);
    this.#bytes.copyWithin(from - 1 + prefixLength, from, from + length);
    this.#length = from - 1;
    this.u32(length);
    this.#length += length;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const before = this.#bytes;
    this.#resize(Math.max(needed, before.length * 2));
    this.#bytes.set(before);
  }

  #resize(length: number): void {
    this.#bytes = new Uint8Array(length);
    this.#view = new DataView(this.#bytes.buffer);
  }
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length++;
  return length;
}

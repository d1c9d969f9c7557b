// Reads protobuf's binary encoding from untrusted bytes. Never throws, never reads outside its
// message, never allocates more than the bytes justify. Stricter than the format: a known field has
// its own wire type and comes once, lists of numbers are packed, there are no groups. Every
// official encoder writes so.

import { fromUtf8 } from '../base/utf8.js';
import type { WireCode } from './code.js';

/** Wire types in use; 3 and 4 (groups) are refused. */
export const wireTypes = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;
export type WireType = (typeof wireTypes)[keyof typeof wireTypes];

export interface Complaint {
  readonly code: WireCode;
  readonly message: string;
}

export class WireReader {
  readonly #bytes: Uint8Array;
  /** Made when the first number of fixed length is read: short frames have none. */
  #lazyView: DataView | null = null;
  #position = 0;
  /** End of the message being read. */
  #end: number;
  #complaint: Complaint | null = null;
  #isBroken = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#end = bytes.length;
  }

  /** The worst fault: broken encoding, else the first refused value, else null. */
  get complaint(): Complaint | null {
    return this.#complaint;
  }

  get hasMore(): boolean {
    return this.#position < this.#end;
  }

  /** Refuses a value. Reading continues, because a later field may still name the session. */
  refuse(code: WireCode, message: string): void {
    this.#complaint ??= { code, message };
  }

  /** Gives up: nothing more is read. */
  break(message: string): void {
    if (!this.#isBroken) {
      this.#complaint = {
        code: 'frame-malformed',
        message: `${message} at byte ${this.#position}`,
      };
    }
    this.#isBroken = true;
    this.#position = this.#bytes.length;
    this.#end = this.#position;
  }

  /** Number and wire type of the next field, as number * 8 + type. */
  tag(): number {
    const tag = this.u32();
    if (tag >>> 3 === 0 && !this.#isBroken) this.break('field number 0');
    return tag;
  }

  /** A varint in [0, 2^32). */
  u32(): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    // Only four bits are left; larger values do not fit.
    const last = this.#byte();
    if (last < 0x10) return (value | (last << 28)) >>> 0;
    if (!this.#isBroken) this.break('a varint of 2^32 or more');
    return 0;
  }

  f64(): number {
    const at = this.#take(8);
    return this.#isBroken ? 0 : this.#view.getFloat64(at, true);
  }

  u64(): bigint {
    const at = this.#take(8);
    return this.#isBroken ? 0n : this.#view.getBigUint64(at, true);
  }

  /** A copy of a length-delimited value, or null if it is longer than `max`; then it is skipped. */
  bytes(max: number): Uint8Array | null {
    const length = this.#length();
    const at = this.#take(length);
    return length > max ? null : this.#bytes.slice(at, at + length);
  }

  /** A text of at most `max` bytes, or null when it is longer or not UTF-8. */
  text(max: number): string | null {
    const length = this.#length();
    const at = this.#take(length);
    if (length > max) return null;
    const text = fromUtf8(this.#bytes.subarray(at, at + length));
    if (text === null) this.break('invalid UTF-8 before');
    return text;
  }

  /**
   * Packed varints, counted before anything is allocated.
   *
   * @returns values of 2^31 and more as negative numbers; null if there are more than `countMax`;
   *   then they are skipped.
   */
  packedU32(countMax: number): Int32Array | null {
    const length = this.#length();
    const from = this.#take(length);
    const to = from + length;
    if (this.#isBroken) return null;
    let count = 0;
    for (let at = from; at < to; at++) if (this.#bytes[at]! < 0x80) count++;
    if (count > countMax) return null;
    this.#position = from;
    const values = new Int32Array(count);
    for (let index = 0; index < count; index++) values[index] = this.u32();
    if (!this.#isBroken && this.#position !== to) this.break('a packed list ends inside a varint');
    return values;
  }

  /** Packed doubles; null when there are more than `countMax`. */
  packedF64(countMax: number): Float64Array | null {
    const packed = this.#packedFixed(8, countMax);
    if (packed === null) return null;
    const values = new Float64Array(packed.count);
    const view = this.#view;
    for (let index = 0; index < values.length; index++) {
      values[index] = view.getFloat64(packed.from + index * 8, true);
    }
    return values;
  }

  /** Packed floats; null when there are more than `countMax`. */
  packedF32(countMax: number): Float32Array | null {
    const packed = this.#packedFixed(4, countMax);
    if (packed === null) return null;
    const values = new Float32Array(packed.count);
    const view = this.#view;
    for (let index = 0; index < values.length; index++) {
      values[index] = view.getFloat32(packed.from + index * 4, true);
    }
    return values;
  }

  /** Packed fixed32; null when there are more than `countMax`. */
  packedFixed32(countMax: number): Uint32Array | null {
    const packed = this.#packedFixed(4, countMax);
    if (packed === null) return null;
    const values = new Uint32Array(packed.count);
    const view = this.#view;
    for (let index = 0; index < values.length; index++) {
      values[index] = view.getUint32(packed.from + index * 4, true);
    }
    return values;
  }

  /** Reads a length-delimited message with `read`; `hasMore` is false at its end. */
  nested<T>(read: () => T): T {
    const length = this.#length();
    const outerEnd = this.#end;
    const end = this.#take(length) + length;
    if (!this.#isBroken) {
      this.#position = end - length;
      this.#end = end;
    }
    const value = read();
    if (!this.#isBroken) this.#end = outerEnd;
    return value;
  }

  /** Skips the value of a field unknown to this version. */
  skip(wireType: number): void {
    if (wireType === wireTypes.varint) this.#skipVarint();
    else if (wireType === wireTypes.fixed64) this.#take(8);
    else if (wireType === wireTypes.bytes) this.#take(this.#length());
    else if (wireType === wireTypes.fixed32) this.#take(4);
    else this.break(`wire type ${wireType}`);
  }

  #skipVarint(): void {
    for (let count = 0; count < 10; count++) if (this.#byte() < 0x80) return;
    this.break('a varint of more than ten bytes');
  }

  get #view(): DataView {
    const { buffer, byteOffset, byteLength } = this.#bytes;
    this.#lazyView ??= new DataView(buffer, byteOffset, byteLength);
    return this.#lazyView;
  }

  #packedFixed(
    size: number,
    countMax: number,
  ): { readonly from: number; readonly count: number } | null {
    const length = this.#length();
    const from = this.#take(length);
    if (length % size !== 0)
      this.break(`a packed list of ${length} bytes, no multiple of ${size},`);
    const count = length / size;
    return this.#isBroken || count > countMax ? null : { from, count };
  }

  /** A length that stays within the message. */
  #length(): number {
    const length = this.u32();
    if (length <= this.#end - this.#position) return length;
    this.break(`a length of ${length} beyond the end`);
    return 0;
  }

  /** Skips `count` bytes. @returns where they start. */
  #take(count: number): number {
    const at = this.#position;
    if (count > this.#end - at) this.break(`${count} bytes beyond the end`);
    else this.#position += count;
    return at;
  }

  #byte(): number {
    if (this.#position < this.#end) return this.#bytes[this.#position++]!;
    this.break('a value that ends too early');
    return 0;
  }
}

// Indexes one text as it grows and finds earlier places with the same ending. For each of a few
// lengths, places whose last tokens have the same hash form a chain, newest first, as in deflate's
// hash chains (RFC 1951, section 4): a token is added or taken back in constant time. A suffix
// automaton (SAM decoding, Hu et al. 2024, arXiv 2411.10666) finds the longest match too, but costs
// more memory, cannot give back its last tokens and does not list the places.

/** Suffix lengths with a chain of their own, longest first. */
export const suffixLengths: readonly number[] = [16, 8, 4, 3, 2, 1];
/** Longest match that is told apart from a longer one. */
export const matchLengthMax = 64;
/** Newest places compared for one match. */
export const placesMax = 8;
/** Places whose match is a smaller share of the longest tell too different a story to count. */
const lengthShareMin = 0.75;
/** Steps along a chain, which also holds places whose hash is equal by chance. */
const stepsMax = 128;
const capacityMin = 64;

/** Earlier places of a text that end like another text, and are followed by a token. */
export interface SuffixMatch {
  readonly text: SuffixText;
  /** Tokens that the longest of them shares with the ending, in [1, matchLengthMax]. */
  readonly length: number;
  /** [1 to placesMax] positions of the tokens that follow: the longest match first, then newest. */
  readonly places: readonly number[];
}

/** A text of token ids with an index of its endings. Costs at most `bytesMaxOf(length)` bytes. */
export class SuffixText {
  #length = 0;
  #tokens = new Int32Array(capacityMin);
  /** [suffixLengths][hash] length of the newest text so far that has this hash; 0: none. */
  #newest = suffixLengths.map(() => new Int32Array(capacityMin));
  /** [suffixLengths][length - 1] the text before it in its chain; 0: none. */
  #earlier = suffixLengths.map(() => new Int32Array(capacityMin));
  /** [suffixLengths] of the last tokens, when the text was so long; 0: they are not known. */
  readonly #hashes = new Int32Array(suffixLengths.length);
  #hashedLength = 0;

  get length(): number {
    return this.#length;
  }

  /** Memory held, in bytes. */
  get bytes(): number {
    return this.#tokens.byteLength * (1 + 2 * suffixLengths.length);
  }

  /** Most bytes that a text has held whose length never exceeded `length`. */
  static bytesMaxOf(length: number): number {
    return 8 * Math.max(capacityMin / 2, length) * (1 + 2 * suffixLengths.length);
  }

  /** @param position in [0, length). */
  tokenAt(position: number): number {
    return this.#tokens[position]!;
  }

  /** @returns [to - from] a copy. */
  slice(from: number, to: number): Int32Array {
    return this.#tokens.slice(from, Math.min(to, this.#length));
  }

  append(token: number): void {
    if (this.#length === this.#tokens.length) this.#grow();
    this.#tokens[this.#length++] = token;
    this.#link();
  }

  /** Takes tokens back; costs as much as it cost to add them. @param length in [0, length]. */
  truncate(length: number): void {
    const mask = this.#tokens.length - 1;
    for (; this.#length > length; this.#length--) {
      const hashes = this.#endHashes();
      for (let row = rowFrom(this.#length); row < suffixLengths.length; row++) {
        this.#newest[row]![hashes[row]! & mask] = this.#earlier[row]![this.#length - 1]!;
      }
    }
    this.#hashedLength = 0;
  }

  /**
   * Finds the places here that end like `ending`. Of the longest of `suffixLengths` that occurs,
   * the newest `placesMax` are compared; those that match at least three quarters as far as the
   * longest are returned.
   *
   * @param ending this text itself, for places before its end, or another.
   * @param longerThan only a longer match counts.
   */
  find(ending: SuffixText, longerThan = 0): SuffixMatch | null {
    const size = ending.#length;
    if (size === 0 || longerThan >= matchLengthMax) return null;
    const hashes = ending === this ? null : ending.#endHashes();
    const longest = rowFrom(size);
    let first = suffixLengths.length;
    // A suffix occurs only if all shorter ones do.
    while (first > longest && this.#chainOf(first - 1, size, hashes) > 0) first--;
    for (let row = first; row < suffixLengths.length; row++) {
      // This row is reached only if the longer suffix of the row above does not occur.
      if (row > 0 && suffixLengths[row - 1]! - 1 <= longerThan) return null;
      const match = this.#compare(this.#chainOf(row, size, hashes), row, ending);
      if (match) return match.length > longerThan ? match : null;
    }
    return null;
  }

  /**
   * Start of the chain of places whose suffix has the hash of an ending; 0: there are none.
   *
   * @param hashes of the ending; null: it is that of this text, at its length.
   */
  #chainOf(row: number, length: number, hashes: Int32Array | null): number {
    if (hashes === null) return this.#earlier[row]![length - 1]!;
    const newest = this.#newest[row]!;
    return newest[hashes[row]! & (newest.length - 1)]!;
  }

  /** The match of a chain's places that share the row's suffix; null if none does. */
  #compare(newest: number, row: number, ending: SuffixText): SuffixMatch | null {
    const earlier = this.#earlier[row]!;
    const places: number[] = [];
    const lengths: number[] = [];
    let place = newest;
    for (let step = 0; place > 0 && step < stepsMax && places.length < placesMax; step++) {
      const length = place < this.#length ? this.#sharedWith(ending, place) : 0;
      if (length >= suffixLengths[row]!) {
        places.push(place);
        lengths.push(length);
      }
      place = earlier[place - 1]!;
    }
    if (places.length === 0) return null;
    const longest = Math.max(...lengths);
    const first = lengths.indexOf(longest);
    const others = places.filter(
      (_, index) => index !== first && lengths[index]! >= lengthShareMin * longest,
    );
    return { text: this, length: longest, places: [places[first]!, ...others] };
  }

  /** Tokens before `place` that end `ending` too, at most `matchLengthMax`. */
  #sharedWith(ending: SuffixText, place: number): number {
    const here = this.#tokens;
    const there = ending.#tokens;
    const end = ending.#length;
    const limit = Math.min(matchLengthMax, place, end);
    let shared = 0;
    while (shared < limit && here[place - 1 - shared] === there[end - 1 - shared]) shared++;
    return shared;
  }

  /** [suffixLengths] of its last tokens; suffixes longer than the text have none. */
  #endHashes(): Int32Array {
    const length = this.#length;
    if (this.#hashedLength === length) return this.#hashes;
    this.#hashedLength = length;
    let hash = 0;
    let row = suffixLengths.length - 1;
    const longest = Math.min(length, suffixLengths[0]!);
    for (let size = 1; size <= longest; size++) {
      hash = Math.imul(hash ^ this.#tokens[length - size]!, 0x9e3779b1);
      hash ^= hash >>> 15;
      if (size === suffixLengths[row]) this.#hashes[row--] = hash;
    }
    return this.#hashes;
  }

  /** Makes the text, as long as it is now, the newest of its chains. */
  #link(): void {
    const length = this.#length;
    const hashes = this.#endHashes();
    const mask = this.#tokens.length - 1;
    for (let row = rowFrom(length); row < suffixLengths.length; row++) {
      const newest = this.#newest[row]!;
      const hash = hashes[row]! & mask;
      this.#earlier[row]![length - 1] = newest[hash]!;
      newest[hash] = length;
    }
  }

  #grow(): void {
    const { length } = this.#tokens;
    const capacity = 2 * length;
    const tokens = new Int32Array(capacity);
    tokens.set(this.#tokens);
    this.#tokens = tokens;
    this.#newest = suffixLengths.map(() => new Int32Array(capacity));
    this.#earlier = suffixLengths.map(() => new Int32Array(capacity));
    for (this.#length = 1; this.#length <= length; this.#length++) this.#link();
    this.#length = length;
  }
}

/** First row whose suffixes fit into a text. */
function rowFrom(length: number): number {
  let row = 0;
  while (row < suffixLengths.length && suffixLengths[row]! > length) row++;
  return row;
}

// Sorts the entries of select.ts. Stable radix sort on the high word: entries come in rising order
// of their low word and keep that order among equals, so the whole entry is sorted. Never looks at
// a float.

/** Up to this many entries, insertion is faster than four passes over 256 buckets. */
const insertionMax: i32 = 64;

/**
 * @param entries u64 [count], in rising order of the low word.
 * @param spare u64 [count], overwritten.
 * @param buckets u32 [256], overwritten.
 * @returns address of the sorted entries: `entries` or `spare`.
 */
export function sort(entries: usize, spare: usize, count: i32, buckets: usize): usize {
  if (count <= insertionMax) {
    insertionSort(entries, count);
    return entries;
  }
  let from = entries;
  let to = spare;
  for (let shift: u64 = 32; shift < 64; shift += 8) {
    if (!countBytes(from, count, shift, buckets)) continue;
    scatter(from, to, count, shift, buckets);
    const filled = to;
    to = from;
    from = filled;
  }
  return from;
}

function insertionSort(entries: usize, count: i32): void {
  const end = entries + ((<usize>count) << 3);
  for (let next = entries + 8; next < end; next += 8) {
    const entry = load<u64>(next);
    let hole = next;
    while (hole > entries && load<u64>(hole - 8) > entry) {
      store<u64>(hole, load<u64>(hole - 8));
      hole -= 8;
    }
    store<u64>(hole, entry);
  }
}

function bucketOf(entry: u64, shift: u64): usize {
  return (<usize>((entry >> shift) & 255)) << 2;
}

/**
 * Turns counts of one byte into start positions. False when all entries share the byte: the pass
 * would change nothing.
 */
function countBytes(entries: usize, count: i32, shift: u64, buckets: usize): bool {
  memory.fill(buckets, 0, 1024);
  const end = entries + ((<usize>count) << 3);
  for (let at = entries; at < end; at += 8) {
    const bucket = buckets + bucketOf(load<u64>(at), shift);
    store<u32>(bucket, load<u32>(bucket) + 1);
  }
  if (load<u32>(buckets + bucketOf(load<u64>(entries), shift)) === <u32>count) return false;
  let place: u32 = 0;
  for (let bucket = buckets; bucket < buckets + 1024; bucket += 4) {
    const size = load<u32>(bucket);
    store<u32>(bucket, place);
    place += size;
  }
  return true;
}

function scatter(from: usize, to: usize, count: i32, shift: u64, buckets: usize): void {
  const end = from + ((<usize>count) << 3);
  for (let at = from; at < end; at += 8) {
    const entry = load<u64>(at);
    const bucket = buckets + bucketOf(entry, shift);
    const place = load<u32>(bucket);
    store<u64>(to + ((<usize>place) << 3), entry);
    store<u32>(bucket, place + 1);
  }
}

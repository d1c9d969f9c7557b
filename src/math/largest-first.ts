// Selects the largest entries of an array in falling order, ties by rising index. Laws list their
// tokens, and filters cut them, in this order.

/** Whether entry `a` comes after entry `b` in falling order. */
function isBehind(values: Float32Array | Float64Array, a: number, b: number): boolean {
  return values[a]! < values[b]! || (values[a]! === values[b]! && a > b);
}

/**
 * Indices of the `countMax` largest entries above `floor`, largest first, ties by rising index.
 * Fewer when fewer are above it. NaN is never above it. O(n log countMax).
 *
 * @param values [n], not changed.
 * @param countMax >= 0; Infinity ranks all.
 * @param floor -Infinity for logits, 0 for probabilities.
 * @returns owned by the caller.
 */
export function largestFirst(
  values: Float32Array | Float64Array,
  countMax: number,
  floor: number,
): Int32Array {
  const kept = countMax < values.length ? topOf(values, countMax, floor) : allOf(values, floor);
  return kept.sort((a, b) => (isBehind(values, a, b) ? 1 : -1));
}

function allOf(values: Float32Array | Float64Array, floor: number): Int32Array {
  const kept = new Int32Array(values.length);
  let count = 0;
  for (let id = 0; id < values.length; id++) {
    if (values[id]! > floor) kept[count++] = id;
  }
  return kept.subarray(0, count);
}

/**
 * Keeps a heap whose root is the last kept entry. Once it is full, most entries cost one
 * comparison.
 */
function topOf(values: Float32Array | Float64Array, countMax: number, floor: number): Int32Array {
  const heap = new Int32Array(countMax);
  let size = 0;
  let threshold = countMax > 0 ? floor : Infinity;
  for (let id = 0; id < values.length; id++) {
    // An entry equal to the last one comes after it: its index is higher.
    if (!(values[id]! > threshold)) continue;
    if (size < countMax) {
      heap[size] = id;
      siftUp(values, heap, size++);
    } else {
      heap[0] = id;
      siftDown(values, heap);
    }
    if (size === countMax) threshold = values[heap[0]!]!;
  }
  return heap.subarray(0, size);
}

function siftUp(values: Float32Array | Float64Array, heap: Int32Array, from: number): void {
  let child = from;
  while (child > 0) {
    const parent = (child - 1) >> 1;
    if (!isBehind(values, heap[child]!, heap[parent]!)) return;
    swap(heap, child, parent);
    child = parent;
  }
}

function siftDown(values: Float32Array | Float64Array, heap: Int32Array): void {
  let parent = 0;
  for (;;) {
    let hindmost = parent;
    for (const child of [2 * parent + 1, 2 * parent + 2]) {
      if (child < heap.length && isBehind(values, heap[child]!, heap[hindmost]!)) hindmost = child;
    }
    if (hindmost === parent) return;
    swap(heap, parent, hindmost);
    parent = hindmost;
  }
}

function swap(heap: Int32Array, a: number, b: number): void {
  const kept = heap[a]!;
  heap[a] = heap[b]!;
  heap[b] = kept;
}

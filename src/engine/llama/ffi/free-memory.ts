// Gives memory that was freed back to the system. glibc keeps what it once got: below 128 KiB in
// heaps of its own, which shrink only at their end. Source: malloc_trim(3).

import koffi from 'koffi';

type Trim = { async(pad: number, done: (reason: unknown) => void): void };

/** Null where the C library has no such call: musl and macOS give memory back by themselves. */
function findTrim(): Trim | null {
  if (process.platform !== 'linux') return null;
  try {
    return koffi.load(null).func('malloc_trim', 'int', ['size_t']) as Trim;
  } catch {
    return null;
  }
}

let trim: Trim | null | undefined;

/** Returns once it is done, in a thread of libuv's: a heap of 500 MB takes 50 ms. */
export function giveFreeMemoryBack(): Promise<void> {
  trim ??= findTrim();
  const found = trim;
  if (found === null) return Promise.resolve();
  return new Promise((resolve) => {
    found.async(0, () => resolve());
  });
}

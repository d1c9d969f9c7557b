// Compares due times, where null means never.

/** The earlier of two times; null: neither ever comes. */
export function earlier(a: number | null, b: number | null): number | null {
  if (a === null) return b;
  return b === null || a < b ? a : b;
}

// Formats numbers for people: sizes, rates, durations, shares, each in one way. --json output
// carries plain numbers instead, with the unit in the name.

const byteUnits = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** At most three significant digits and never an exponent: 0.27, 9.5, 12.3, 850. */
function threeDigits(value: number): string {
  const size = Math.abs(value);
  if (size >= 99.95) return value.toFixed(0);
  if (size >= 9.995) return value.toFixed(1);
  return value.toFixed(2);
}

/** At most three significant digits, without trailing zeros: `30`, `0.05`, `1100`. */
export const formatPlain = (value: number): string => String(Number(value.toPrecision(3)));

/** Bytes in powers of 1000, as disks and download pages count: `17.9 MB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < byteUnits.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value.toFixed(0) : threeDigits(value)} ${byteUnits[unit]}`;
}

/** Memory in powers of 1024, as operating systems count it: `7.63 GiB`. */
export function formatMemory(bytes: number): string {
  const mebibytes = bytes / 2 ** 20;
  return mebibytes < 1023.5
    ? `${threeDigits(mebibytes)} MiB`
    : `${threeDigits(mebibytes / 1024)} GiB`;
}

/** Whole numbers with separated thousands: `17 941 056`. */
export function formatCount(count: number): string {
  return count.toFixed(0).replace(/\B(?=(\d{3})+$)/g, ' ');
}

/** A share in [0, 1] as a percentage with one decimal: `73.4 %`. */
export function formatShare(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** Milliseconds in a fitting unit: `0.31 ms`, `850 ms`, `12.3 s`, `4 min 10 s`, `1 h 02 min`. */
export function formatDuration(ms: number): string {
  if (ms < 999.5) return `${threeDigits(ms)} ms`;
  if (ms < 59_950) return `${threeDigits(ms / 1000)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${pad(seconds % 60)} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
}

/** Tokens per second from a count and its milliseconds; `-` where no time has passed. */
export function formatTokenRate(tokenCount: number, ms: number): string {
  return ms > 0 ? `${threeDigits((tokenCount / ms) * 1000)} tokens/s` : '-';
}

const pad = (value: number): string => String(value).padStart(2, '0');

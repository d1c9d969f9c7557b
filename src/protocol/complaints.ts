// Makes the complaints about numbers of a frame: out of range, or not as many as there should be.

import type { WireCode } from './code.js';
import { type LimitName, limits, u32Max } from './limits.js';
import type { Complaint } from './wire-reader.js';

export const complaint = (code: WireCode, message: string): Complaint => ({ code, message });

export function equal(name: string, count: number, wanted: number): Complaint | null {
  return count === wanted ? null : complaint('frame-malformed', `${count} ${name}, not ${wanted}`);
}

export function range(name: string, value: number, min: number, max: number): Complaint | null {
  if (value >= min && value <= max) return null;
  return complaint('limit-exceeded', `${name} ${value} is outside [${min}, ${max}]`);
}

export function within(name: string, value: number, limit: LimitName, min = 0): Complaint | null {
  const { value: max, code } = limits[limit];
  return value >= min && value <= max
    ? null
    : complaint(code, `${name} ${value} is outside [${min}, ${max}]`);
}

/** Checks that all tokens from `from` on have a valid position. */
export function positions(from: number, count: number): Complaint | null {
  return range('position', from, 0, u32Max - count);
}

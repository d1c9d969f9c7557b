// Exports the row kernel. Works on raw memory that kernel.ts lays out: no allocation, no imports
// except the memory, no state between calls except in race.ts. Compiled by tools/kernel.mjs.

export { race, setField, setNoise } from './race';
export { firstIndexOf, scan } from './scan';
export { gather, kthLargest } from './select';
export { sort } from './sort';
export { divide, weigh } from './weights';

// Everything the row kernel exports. Works on raw memory that kernel.ts lays out: no allocation, no imports but the
// memory, no state between calls except where race.ts says so. Compiled by tools/kernel.mjs.

export { race, setField, setNoise } from './race';
export { firstIndexOf, scan } from './scan';
export { gather, kthLargest } from './select';
export { sort } from './sort';
export { divide, weigh } from './weights';

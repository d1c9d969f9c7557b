// Exports the generators of the HTTP API: over a device's client, and over a server in the same
// process.

export {
  DeviceGenerator,
  type DeviceGeneratorParts,
  type DraftingOptions,
} from './device-generator.js';
export { type DeviceMetrics, deviceMetrics } from './device-metrics.js';
export { ServerGenerator, type ServerGeneratorParts } from './server-generator.js';
export { serverMetrics } from './server-metrics.js';

// Between the HTTP door and what writes text: a device's client, or a server of the same process.

export {
  DeviceGenerator,
  type DeviceGeneratorParts,
  type DraftingOptions,
} from './device-generator.js';
export { type DeviceMetrics, deviceMetrics } from './device-metrics.js';
export { ServerGenerator, type ServerGeneratorParts } from './server-generator.js';
export { serverMetrics } from './server-metrics.js';

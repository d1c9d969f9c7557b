// Between the HTTP door and what writes text: a device's client, or a server of the same process.

export { type DeviceFacts, deviceFacts } from './device-facts.js';
export {
  DeviceGenerator,
  type DeviceGeneratorParts,
  type DraftingOptions,
} from './device-generator.js';
export { serverFacts } from './server-facts.js';
export { ServerGenerator, type ServerGeneratorParts } from './server-generator.js';

// The HTTP door over whatever writes text.

export { ApiError, type ApiErrorCode, apiErrorTable } from './api-error.js';
export { DeltaQueue } from './delta-queue.js';
export * from './generator.js';
export {
  createHttpDoor,
  type HttpDoor,
  type HttpDoorOptions,
  requestsMaxDefault,
} from './http-door.js';
export type { Buckets, Fact, Reading } from './metrics.js';

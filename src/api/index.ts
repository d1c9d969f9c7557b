// Exports the HTTP API over any text generator.

export { ApiError, type ApiErrorCode, apiErrorTable } from './api-error.js';
export { DeltaQueue } from './delta-queue.js';
export * from './generator.js';
export {
  createHttpApi,
  type HttpApi,
  type HttpApiOptions,
  requestsMaxDefault,
} from './http-api.js';
export type { Buckets, MetricSample, MetricSource } from './metrics.js';

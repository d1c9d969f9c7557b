/**
 * Serve a target model to devices: over a port, with keys, TLS and limits where others can reach
 * it.
 *
 * @module pilotfish/server
 */

export { Access, type AccessDecision, type AccessRules } from '../access/access.js';
export type { GateLimits } from '../access/connection-gate.js';
export {
  FileKeyRing,
  type FileKeyRingOptions,
  type KeyRing,
  type OnRevoked,
} from '../access/key-ring.js';
export { TlsFiles, type TlsFilesOptions, type TlsPaths } from '../access/tls-files.js';
export type { KeyGrant, KeyLimits } from '../base/key-grant.js';
export type { Pixels } from '../pictures/decode-picture.js';
export type { CoreStats } from './core/core-stats.js';
export type { ServerTests } from './core/drafting/source-tally.js';
export type { Batching } from './core/settings.js';
export type { PictureEncoder } from './eyes/picture-encoder.js';
export type { PlainListener, PlainRequest } from './plain-sessions.js';
export { type RunningServer, startServer } from './server.js';
export {
  defaultPort,
  type LocalServer,
  type ServerOptions,
} from './server-options.js';
export type { ServerStats } from './stats.js';

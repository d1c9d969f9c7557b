// Collects what the rest of the source uses of access; `pilotfish/server` exports what a program
// needs.

export {
  Access,
  type AccessDecision,
  type AccessRules,
  keySubprotocol,
  openAccess,
} from './access.js';
export { isLoopback } from './address.js';
export { type BindRequest, checkBind } from './bind-rule.js';
export type { GateLimits } from './connection-gate.js';
export { makeKey, type StoredKey } from './device-key.js';
export {
  closeGently,
  createGuardedServer,
  type GuardParts,
  refusalStatus,
} from './guarded-server.js';
export { keyFileText, keyNameShape, keysMax, limitsOf, readKeyFile } from './key-file.js';
export { FileKeyRing, type KeyRing } from './key-ring.js';
export { readPem, TlsFiles, type TlsPaths } from './tls-files.js';

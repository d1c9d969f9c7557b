// Subpath `pilotfish/server`: serve a target model to devices, and the core that does it without sockets.

export type { CoreStats } from './core/core-stats.js';
export type { EngineOperation, ServerEffect, ServerInput } from './core/event.js';
export { ServerCore } from './core/server-core.js';
export type { Batching, ServedModel, ServerCoreSettings } from './core/settings.js';
export type { PlainListener, PlainRequest, PlainSessions } from './plain-sessions.js';
export { type RunningServer, startServer } from './server.js';
export { defaultPort, type LocalServer, type ServerOptions } from './server-options.js';
export type { ServerStats } from './stats.js';

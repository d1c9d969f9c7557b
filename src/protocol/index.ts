// The door to the wire: frames, their bytes, limits, codes, state tables, transports.

export * from './code.js';
export * from './codec.js';
export * from './connection-state.js';
export * from './failure.js';
export * from './frame.js';
export * from './limits.js';
export * from './memory-transport.js';
export * from './session-check.js';
export * from './session-state.js';
export * from './token-log.js';
export * from './token-log-hash.js';
export * from './transport.js';
export * from './version.js';
export * from './vocabulary-blocks.js';

// Exports the simulator as a library: scenarios in, reports out.

export { mostUsers } from './capacity.js';
export { type CheckName, checkNames } from './check/checker.js';
export type { DraftShape, Models, TargetShape } from './models.js';
export type { Observer } from './observer.js';
export { scenarioFrom } from './read-scenario.js';
export * from './scenario.js';
export { delayLink, drafts, fleet, swarm } from './scenarios.js';
export { acceptanceLeast, divergenceFor } from './service/divergence.js';
export type {
  Abuser,
  SeenMessage,
  Service,
  ServiceDevice,
  ServiceFigures,
} from './service/service.js';
export { simulateService } from './service/simulate-service.js';
export { type Shrunk, shrink } from './shrink.js';
export { type Report, type RunOptions, runPlan, simulate, type Violation } from './simulate.js';
export { addCounts, type Counts } from './tally.js';
export { faultText, traceTo } from './trace.js';
export { planRun, type RunPlan } from './world.js';

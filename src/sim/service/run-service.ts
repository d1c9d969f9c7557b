// Plays one service on the calling thread, and defines the type by which others run it elsewhere
// (lab/virtual/service-pool.ts). A service and a seed give the same figures on any thread.

import { type Service, type ServiceFigures, simulateService } from '../index.js';

/** Plays a service with toy models once. @param seed of prompts, text, jitter and noise. */
export type RunService = (service: Service, seed: number) => Promise<ServiceFigures>;

/** On the caller's thread. */
export const runServiceHere: RunService = async (service, seed) => simulateService(service, seed);

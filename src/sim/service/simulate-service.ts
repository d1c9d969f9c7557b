// Plays a service in virtual time without faults. The shipped cores decide everything; passes,
// drafts and messages take the given times.

import { runPlan } from '../simulate.js';
import type { Service, ServiceFigures } from './service.js';
import { ServiceMeter } from './service-meter.js';
import { servicePlan } from './service-plan.js';

/** Plays it once. @param seed of prompts, text, jitter and noise. */
export function simulateService(service: Service, seed: number): ServiceFigures {
  const meter = new ServiceMeter(service);
  const report = runPlan(servicePlan(service, seed), {
    checks: [],
    observe: (now) => [meter.timedBy(now)],
    times: ({ device }) => device < service.deviceCount,
  });
  return meter.figuresWith(report);
}

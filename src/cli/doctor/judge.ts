// Runs all checks in reading order: a cause comes before its consequences. Pure.

import type { Check, CheckLevel } from './check.js';
import type { Facts } from './facts.js';
import { judgeGpu, judgeHub, judgeLibrary, judgeModel, judgeProxy } from './judge-engine.js';
import {
  judgeCores,
  judgeHeat,
  judgeLibc,
  judgeMemory,
  judgeNode,
  judgePlatform,
  judgeProcessor,
} from './judge-system.js';

const machineChecks = [
  judgePlatform,
  judgeNode,
  judgeLibc,
  judgeLibrary,
  judgeGpu,
  judgeProcessor,
  judgeCores,
  judgeMemory,
  judgeHeat,
];
const supplyChecks = [judgeHub, judgeProxy];

export function judgeMachine(facts: Facts): Check[] {
  return [
    ...machineChecks.map((check) => check(facts)),
    ...facts.models.map(judgeModel),
    ...supplyChecks.map((check) => check(facts)),
  ].filter((check) => check !== null);
}

const severity: readonly CheckLevel[] = ['ok', 'note', 'warn', 'fail'];

/** The worst level of all checks. */
export function worstVerdict(checks: readonly Check[]): CheckLevel {
  return severity[Math.max(0, ...checks.map(({ verdict }) => severity.indexOf(verdict)))]!;
}

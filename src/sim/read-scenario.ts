// Reads a scenario from JSON: a shipped one by name, with changes from the file. Checks name and
// type of every value against the shipped scenario, so that a misspelt name is an error and not
// another run.

import { PilotfishError } from '../base/error.js';
import { drafterKinds, faultKinds, type Scenario } from './scenario.js';
import { drafts, fleet, swarm } from './scenarios.js';

const refuse = (message: string): never => {
  throw new PilotfishError('usage', `scenario: ${message}`);
};

/**
 * @param json `{"base": "swarm" | "drafts" | {"fleet": devices}, ...changes}`; changes go as deep
 *   as they are written. Lists replace lists; a device is completed from the first of the base.
 * @throws PilotfishError `usage`, naming the place.
 */
export function scenarioFrom(json: unknown): Scenario {
  if (!isObject(json)) return refuse('is not a JSON object');
  const { base = 'swarm', ...changes } = json;
  return changed(baseOf(base), changes, '') as Scenario;
}

/** A hundred times the largest fleet that was ever run; a device takes some kilobytes. */
const devicesMax = 1_000_000;

function baseOf(base: unknown): Scenario {
  if (base === 'swarm') return swarm;
  if (base === 'drafts') return drafts;
  const count = isObject(base) ? base['fleet'] : undefined;
  if (typeof count === 'number' && Number.isInteger(count) && count > 0 && count <= devicesMax)
    return fleet(count);
  return refuse(`base is "swarm", "drafts" or {"fleet": <devices>}, at most ${devicesMax}`);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isFault = (name: string): boolean => (faultKinds as readonly string[]).includes(name);

const isRange = (value: unknown): boolean =>
  typeof value === 'number' ||
  (Array.isArray(value) &&
    value.length === 2 &&
    value.every((end) => typeof end === 'number') &&
    value[0] <= value[1]);

/** Every fault of a run is planned before it begins. */
const faultsMax = 1_000_000;

function faultCount(value: unknown, place: string): number {
  if (typeof value === 'number' && value >= 0 && value <= faultsMax) return value;
  return refuse(`${place} is a number in [0, ${faultsMax}]`);
}

function changed(before: unknown, change: unknown, path: string): unknown {
  if (isRange(before))
    return isRange(change) ? change : refuse(`${path} is a number or [from, to]`);
  if (Array.isArray(before)) return list(before, change, path);
  if (isObject(before)) return object(before, change, path);
  return typeof change === typeof before ? change : refuse(`${path} is a ${typeof before}`);
}

function list(before: readonly unknown[], change: unknown, path: string): unknown {
  if (!Array.isArray(change) || change.length === 0) return refuse(`${path} is a list`);
  const [first] = before;
  if (isObject(first)) {
    return change.map((one, index) => changed(first, one, `${path}[${index}]`));
  }
  const known = before as readonly string[];
  return change.map((word) => oneOf(known, word, path));
}

function oneOf(known: readonly string[], word: unknown, path: string): string {
  if (known.includes(word as string)) return word as string;
  return refuse(`${path} takes ${[...new Set(known)].join(', ')}, not ${JSON.stringify(word)}`);
}

function object(before: Record<string, unknown>, change: unknown, path: string): unknown {
  if (!isObject(change)) return refuse(`${path || 'the file'} is an object`);
  const after = { ...before };
  for (const [name, value] of Object.entries(change)) {
    const place = path === '' ? name : `${path}.${name}`;
    if (path === 'faults' && isFault(name)) after[name] = faultCount(value, place);
    else if (name === 'drafter') after[name] = oneOf(drafterKinds, value, place);
    else if (name in before) after[name] = changed(before[name], value, place);
    else
      refuse(
        `${place} is not known; ${path || 'a scenario'} has ${Object.keys(before).join(', ')}`,
      );
  }
  return after;
}

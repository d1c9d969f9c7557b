// What a picture shows and what to do about it: things in sight, a description, and the scripted
// expert that the trained models imitate. A port of training/eyes/tasks.py.

import type { Action } from '../action.js';
import { type Picture, pictureOf } from './camera.js';
import { inCamera, nameOf, type Pose, type Room } from './room.js';

/** A thing in the picture. */
export interface Sight {
  readonly name: string;
  /** Degrees; left is positive. */
  readonly bearing: number;
  /** Millimetres to its centre. */
  readonly distance: number;
}

export interface View extends Picture {
  /** From near to far. */
  readonly sights: readonly Sight[];
}

/** A thing is seen if so many pixels show it. */
const seenPixels = 12;
/** Millimetres. */
const stopAt = 900;
const farFrom = 1_700;
const corridor = 420;
/** Degrees to the left or right of which a thing is not ahead. */
const sideways = 12;
const turnMax = 60;
/** Degrees. */
const radian = 180 / Math.PI;

export function viewOf(room: Room, pose: Pose): View {
  const picture = pictureOf(room, pose);
  const counts = new Array<number>(room.things.length).fill(0);
  for (const owner of picture.owners) if (owner >= 0) counts[owner]!++;
  const sights = room.things.flatMap((thing, index): Sight[] => {
    if (counts[index]! < seenPixels) return [];
    const { forward, right } = inCamera(pose, thing.x, thing.y);
    const bearing = radian * Math.atan2(-right, forward);
    return [{ name: nameOf(thing), bearing, distance: Math.hypot(forward, right) }];
  });
  return { ...picture, sights: sights.sort((a, b) => a.distance - b.distance) };
}

const clamp = (turn: number): number => Math.max(-turnMax, Math.min(turnMax, turn));

/** The action towards the thing of this name, forward in millimetres. */
export function expertAction(sights: readonly Sight[], name: string): Action {
  const goal = sights.find((sight) => sight.name === name);
  if (goal === undefined) return { turn: 50, forward: 400, stop: false };
  if (goal.distance <= stopAt) return { turn: 0, forward: 0, stop: true };
  const turn = clamp(Math.floor(goal.bearing / 20 + 0.5) * 20);
  const beside = sideInTheWay(sights, goal);
  if (beside !== null) {
    return { turn: clamp(turn + (beside >= 0 ? -40 : 40)), forward: 400, stop: false };
  }
  return { turn, forward: goal.distance >= farFrom ? 1_000 : 400, stop: false };
}

/** How far left the nearest thing on the straight line to the goal is; null: the line is free. */
function sideInTheWay(sights: readonly Sight[], goal: Sight): number | null {
  let [nearest, side] = [Infinity, null as number | null];
  for (const sight of sights) {
    const angle = (sight.bearing - goal.bearing) / radian;
    const along = sight.distance * Math.cos(angle);
    const across = sight.distance * Math.sin(angle);
    if (sight === goal || sight.name.endsWith('door') || Math.abs(across) >= corridor) continue;
    if (along <= 0 || along >= Math.min(1_100, goal.distance - 300, nearest)) continue;
    [nearest, side] = [along, across];
  }
  return side;
}

const articled = (name: string): string => `${'aeiou'.includes(name[0]!) ? 'an' : 'a'} ${name}`;

const placeOf = (bearing: number): string =>
  bearing > sideways ? 'on the left' : bearing < -sideways ? 'on the right' : 'ahead';

/** The three nearest things, from near to far. */
export function descriptionOf(sights: readonly Sight[]): string {
  const parts = sights
    .slice(0, 3)
    .map(({ name, bearing }) => `${articled(name)} ${placeOf(bearing)}`);
  const last = parts.pop();
  if (last === undefined) return 'I see no objects.';
  return `I see ${parts.length > 0 ? `${parts.join(', ')} and ` : ''}${last}.`;
}

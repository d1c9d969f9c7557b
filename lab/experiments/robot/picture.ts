// Turns an errand into the rows of its picture from above: walls, things, and the robot's way.

import { drawErrand } from '../../../examples/robot/room/draw-errand.js';
import { nameOf } from '../../../examples/robot/room/room.js';
import type { Cells } from '../../report/text.js';
import type { ErrandResult } from './drive.js';

/** Places in metres. @param seed of the errand. @param number by which it is told from others. */
export function runRows(
  { path }: Pick<ErrandResult, 'path'>,
  seed: number,
  number: number,
): Cells[] {
  const { room, goal } = drawErrand(seed);
  const row = (
    part: string,
    name: string,
    colour: string,
    index: number,
    x: number,
    y: number,
  ) => ({
    ...{ errand: `${number}. to the ${goal}`, part, name, colour, index },
    ...{ x: x / 1_000, y: y / 1_000 },
  });
  const corners = [
    [0, 0],
    [room.width, 0],
    [room.width, room.depth],
    [0, room.depth],
    [0, 0],
  ] as const;
  return [
    ...corners.map(([x, y], index) => row('wall', '', '', index, x, y)),
    ...room.things.map((thing, index) =>
      row('thing', nameOf(thing), thing.colour, index, thing.x, thing.y),
    ),
    ...room.things
      .filter((thing) => nameOf(thing) === goal)
      .map(({ x, y }) => row('goal', '', '', 0, x, y)),
    ...path.map(({ x, y }, index) => row('way', '', '', index, x, y)),
    ...[path[0]!].map(({ x, y }) => row('start', '', '', 0, x, y)),
  ];
}

// Draws a running errand in a terminal: the room from above, and beside it what the camera sees.
// Two pixels a character, by half blocks in 24-bit colours.

import type { DriveState } from '../drive.js';
import { side } from '../room/camera.js';
import { palette, toneOf, walls } from '../room/drawings.js';
import { nameOf, type Pose, type Room } from '../room/room.js';

type Rgb = readonly [number, number, number];

/** Pixels of the room's longer side, and of the camera's. */
const roomSide = 56;
const cameraSide = 32;
const floorTone: Rgb = [239, 236, 230];
const wayTone: Rgb = [120, 170, 210];
const robotTone: Rgb = [0, 114, 178];
const noseTone: Rgb = [0, 60, 110];
const goalTone: Rgb = [0, 158, 115];

/** A picture by rows; null: nothing. */
type Pixels = (Rgb | null)[][];

/** Lines of the view. */
export function terminalView({ robot, counts, said, seconds }: DriveState): string[] {
  const { errand } = robot;
  const above = linesOf(fromAbove(robot.errand.room, robot.path, errand.goal));
  const camera = linesOf(seen(robot.view.pixels));
  const last = counts.latencyMs.at(-1);
  const words = [
    '',
    `Go to the ${errand.goal}.`,
    said,
    `${seconds.toFixed(1)} s, ${counts.acted} actions`,
    last === undefined ? '' : `picture to action ${last.toFixed(0)} ms`,
    `${counts.missed} late, ${counts.cancelled} given up, ${counts.failed} failed`,
  ];
  const beside = [...camera, ...words];
  const height = Math.max(above.length, beside.length);
  const blank = ' '.repeat(above.length > 0 ? roomWidth(errand.room) : 0);
  return Array.from(
    { length: height },
    (_, line) => `${above[line] ?? blank}  ${beside[line] ?? ''}\x1b[K`,
  );
}

const scaleOf = ({ width, depth }: Room): number => roomSide / Math.max(width, depth);
const roomWidth = (room: Room): number => Math.round(room.width * scaleOf(room)) + 2;

function fromAbove(room: Room, path: readonly Pose[], goal: string): Pixels {
  const scale = scaleOf(room);
  const [columns, rows] = [roomWidth(room), Math.round(room.depth * scale) + 2];
  const wall = palette[walls + 3]!;
  const pixels: Pixels = Array.from({ length: rows }, (_, y) =>
    Array.from({ length: columns }, (_, x) =>
      x === 0 || y === 0 || x === columns - 1 || y === rows - 1 ? wall : floorTone,
    ),
  );
  const paint = (x: number, y: number, tone: Rgb): void => {
    const [column, row] = [1 + Math.floor(x * scale), rows - 2 - Math.floor(y * scale)];
    const line = pixels[Math.max(0, Math.min(rows - 1, row))]!;
    line[Math.max(0, Math.min(columns - 1, column))] = tone;
  };
  const square = (x: number, y: number, reach: number, tone: Rgb): void => {
    for (let dx = -reach; dx <= reach; dx += 1 / scale) {
      for (let dy = -reach; dy <= reach; dy += 1 / scale) paint(x + dx, y + dy, tone);
    }
  };
  for (const { x, y } of path) paint(x, y, wayTone);
  for (const thing of room.things) {
    if (nameOf(thing) === goal) square(thing.x, thing.y, 350, goalTone);
    square(thing.x, thing.y, 200, palette[toneOf(thing.colour)]!);
  }
  const { x, y, heading } = path.at(-1)!;
  square(x, y, 150, robotTone);
  const angle = (heading * Math.PI) / 18;
  paint(x + 260 * Math.cos(angle), y + 260 * Math.sin(angle), noseTone);
  return pixels;
}

function seen(pixels: Uint8Array): Pixels {
  const step = side / cameraSide;
  const at = (place: number): number => Math.floor((place + 0.5) * step);
  return Array.from({ length: cameraSide }, (_, y) =>
    Array.from({ length: cameraSide }, (_, x) => palette[pixels[at(y) * side + at(x)]!]!),
  );
}

/** Two rows of pixels a line. */
function linesOf(pixels: Pixels): string[] {
  const lines: string[] = [];
  for (let row = 0; row < pixels.length; row += 2) {
    const below = pixels[row + 1];
    const cells = pixels[row]!.map((top, x) => {
      const bottom = below?.[x] ?? null;
      return `${colour(38, top)}${colour(48, bottom)}▀`;
    });
    lines.push(`${cells.join('')}\x1b[0m`);
  }
  return lines;
}

const colour = (kind: 38 | 48, tone: Rgb | null): string =>
  tone === null ? `\x1b[${kind + 1}m` : `\x1b[${kind};2;${tone.join(';')}m`;

// What the robot's camera sees: 96 x 96 pixels in flat colours, integers only. A port of
// training/eyes/render.py; training/eyes/README.md has the rules.

import { brown, ceiling, cellsOf, floor, grey, toneOf, walls } from './drawings.js';
import {
  directionOf,
  floorDiv,
  inCamera,
  type Pose,
  type Room,
  sizes,
  type Thing,
  unit,
} from './room.js';

/** Pixels. */
export const side = 96;
const focal = 64;
/** Millimetres above the floor. */
const eye = 600;
const wallHeight = 2_400;
/** Nothing nearer is drawn, in millimetres. */
const near = 200;
const nearWall = 50;
/** Of a ray that runs along a wall. */
const farAway = 2 ** 40;
/** The handle of a door: from and to, across from its centre and in height, in millimetres. */
const handle = { from: 250, to: 350, top: 1_050, bottom: 950 };

export interface Picture {
  /** [96 * 96] indices into the palette, row by row. */
  readonly pixels: Uint8Array;
  /** [96 * 96] index of the thing that each pixel shows; -1: none. */
  readonly owners: Int8Array;
}

/** A column of pixels: how far the wall is, which of the four, and where along it. */
interface Column {
  readonly depth: number;
  readonly wall: number;
  readonly along: number;
}

export function pictureOf(room: Room, pose: Pose): Picture {
  const picture = {
    pixels: new Uint8Array(side * side),
    owners: new Int8Array(side * side).fill(-1),
  };
  const columns = Array.from({ length: side }, (_, column) => columnAt(room, pose, column));
  columns.forEach((column, x) => {
    paintWall(column, x, picture);
  });
  room.things.forEach((thing, index) => {
    if (thing.kind === 'door') paintDoor(room, thing, index, columns, picture);
  });
  for (const { index, ...place } of standing(room, pose)) {
    paintThing(room.things[index]!, index, place, picture);
  }
  return picture;
}

function columnAt({ width, depth: roomDepth }: Room, pose: Pose, column: number): Column {
  const { c, s } = directionOf(pose.heading);
  const right = 2 * column + 1 - side;
  const scale = 2 * focal * unit;
  const ray = { x: 2 * focal * c + right * s, y: 2 * focal * s - right * c };
  const depthTo = (along: number, place: number, length: number): number =>
    along === 0 ? farAway : floorDiv((along > 0 ? length - place : place) * scale, Math.abs(along));
  const [acrossX, acrossY] = [depthTo(ray.x, pose.x, width), depthTo(ray.y, pose.y, roomDepth)];
  const depth = Math.max(Math.min(acrossX, acrossY), nearWall);
  return acrossX <= acrossY
    ? { depth, wall: ray.x > 0 ? 1 : 0, along: pose.y + floorDiv(depth * ray.y, scale) }
    : { depth, wall: ray.y > 0 ? 3 : 2, along: pose.x + floorDiv(depth * ray.x, scale) };
}

/** Row of pixels of a height in mm at a depth in mm. */
const rowOf = (height: number, depth: number): number =>
  side / 2 + floorDiv((eye - height) * focal, depth);

function paintWall({ depth, wall }: Column, x: number, { pixels }: Picture): void {
  const [top, bottom] = [rowOf(wallHeight, depth), rowOf(0, depth)];
  for (let y = 0; y < side; y++) {
    pixels[y * side + x] = y < top ? ceiling : y < bottom ? walls + wall : floor;
  }
}

/** The wall of a door and its place along it. */
function wallOf({ width }: Room, { x, y }: Thing): { wall: number; centre: number } {
  if (x === 0 || x === width) return { wall: x === 0 ? 0 : 1, centre: y };
  return { wall: y === 0 ? 2 : 3, centre: x };
}

function paintDoor(
  room: Room,
  door: Thing,
  index: number,
  columns: readonly Column[],
  { pixels, owners }: Picture,
): void {
  const { wall, centre } = wallOf(room, door);
  const { width, height } = sizes.door;
  const tone = toneOf(door.colour);
  columns.forEach(({ depth, wall: seen, along }, x) => {
    const offset = along - centre;
    if (seen !== wall || offset < -width / 2 || offset >= width / 2) return;
    const [top, bottom] = [rowOf(height, depth), rowOf(0, depth)];
    const [handleTop, handleBottom] = [rowOf(handle.top, depth), rowOf(handle.bottom, depth)];
    const isBeside = offset >= handle.from && offset < handle.to;
    for (let y = Math.max(0, top); y < Math.min(side, bottom); y++) {
      const isHandle = isBeside && y >= handleTop && y < handleBottom;
      pixels[y * side + x] = isHandle ? tone + 1 : tone;
      owners[y * side + x] = index;
    }
  });
}

interface Place {
  readonly forward: number;
  readonly right: number;
}

/** Things that stand before the camera, from far to near; ties in their order. */
function standing(room: Room, pose: Pose): (Place & { readonly index: number })[] {
  return room.things
    .map((thing, index) => ({ index, kind: thing.kind, ...inCamera(pose, thing.x, thing.y) }))
    .filter(({ kind, forward }) => kind !== 'door' && forward >= near)
    .sort((a, b) => b.forward - a.forward || a.index - b.index);
}

function paintThing(
  { kind, colour }: Thing,
  index: number,
  { forward, right }: Place,
  { pixels, owners }: Picture,
): void {
  if (kind === 'door') return;
  const { width, height } = sizes[kind];
  const columnOf = (across: number): number =>
    side / 2 + floorDiv((2 * right + across) * focal, 2 * forward);
  const left = columnOf(-width);
  const end = Math.max(left + 1, columnOf(width));
  const top = rowOf(height, forward);
  const bottom = Math.max(top + 1, rowOf(0, forward));
  const tone = toneOf(colour);
  const tones = [0, tone, tone + 1, brown, grey];
  for (let y = Math.max(top, 0); y < Math.min(bottom, side); y++) {
    const line = 16 * floorDiv((y - top) * 16, bottom - top);
    for (let x = Math.max(left, 0); x < Math.min(end, side); x++) {
      const cell = cellsOf[kind][line + floorDiv((x - left) * 16, end - left)]!;
      if (cell === 0) continue;
      pixels[y * side + x] = tones[cell]!;
      owners[y * side + x] = index;
    }
  }
}

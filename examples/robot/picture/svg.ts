// Draws an errand from above as SVG: the room, its things, the way of the robot, and what it saw
// at a few places on it.

import { type Picture, side } from '../room/camera.js';
import type { Errand } from '../room/draw-errand.js';
import { palette, toneOf, walls } from '../room/drawings.js';
import { nameOf, type Pose, type Room, sizes, type Thing } from '../room/room.js';
import { viewOf } from '../room/sights.js';

/** Pixels of the picture for a metre, and around the room. */
const metre = 90;
const margin = 26;
/** What the robot saw: pictures beside the room, and their size. */
const viewCount = 4;
const viewSide = 120;
const accent = '#0072B2';

const px = (millimetres: number): number => Math.round((millimetres / 1_000) * metre * 10) / 10;
const rgb = (index: number): string => `rgb(${palette[index]!.join(' ')})`;

interface Drawn {
  readonly errand: Errand;
  readonly path: readonly Pose[];
  /** Where pictures were taken. */
  readonly looks: readonly Pose[];
}

/** A document of its own; no text is taken from outside. */
export function runSvg({ errand, path, looks }: Drawn): string {
  const { room, goal } = errand;
  const [width, depth] = [px(room.width), px(room.depth)];
  const shown = spread(looks, viewCount);
  const height = Math.max(depth, viewCount * (viewSide + 12) - 12) + 2 * margin;
  const whole = { width: width + 3 * margin + viewSide, height };
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${whole.width} ${whole.height}" font-family="sans-serif" font-size="13">`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    `<g transform="translate(${margin} ${margin})">`,
    `<rect width="${width}" height="${depth}" fill="#efece6" stroke="${rgb(walls + 3)}" stroke-width="8"/>`,
    ...room.things.map((thing) => thingSvg(room, thing, nameOf(thing) === goal)),
    `<polyline points="${path.map((pose) => pointOf(room, pose)).join(' ')}" fill="none" stroke="${accent}" stroke-width="3" stroke-linejoin="round" stroke-linecap="round"/>`,
    ...looks.map((pose) => dotSvg(room, pose)),
    robotSvg(room, path.at(-1)!),
    ...shown.map((pose, index) => lookSvg(room, pose, index)),
    ...room.things.map((thing) => labelSvg(room, thing)),
    '</g>',
    ...shown.map((pose, index) => viewSvg(room, pose, index, width + 2 * margin)),
    '</svg>',
  ].join('\n')}\n`;
}

/** The y axis of a room points up. */
const pointOf = ({ depth }: Room, { x, y }: Pick<Pose, 'x' | 'y'>): string =>
  `${px(x)},${px(depth - y)}`;

function placed({ depth }: Room, { x, y }: Pick<Pose, 'x' | 'y'>, heading = 0): string {
  return `transform="translate(${px(x)} ${px(depth - y)}) rotate(${-10 * heading})"`;
}

function thingSvg(room: Room, thing: Thing, isGoal: boolean): string {
  const { kind, colour, x } = thing;
  const [tone, edge] = [rgb(toneOf(colour)), rgb(toneOf(colour) + 1)];
  const size = px(sizes[kind].width);
  const isFlat = x === 0 || x === room.width;
  const [w, h] = kind !== 'door' ? [size, size] : isFlat ? [10, size] : [size, 10];
  const round = kind === 'box' || kind === 'door' ? 0 : kind === 'chair' ? size / 5 : size / 2;
  const ring = isGoal
    ? `<circle r="${size / 2 + 8}" fill="none" stroke="${accent}" stroke-width="2" stroke-dasharray="5 4"/>`
    : '';
  const shape = `<rect x="${-w / 2}" y="${-h / 2}" width="${w}" height="${h}" rx="${round}" fill="${tone}" stroke="${edge}" stroke-width="2"/>`;
  return `<g ${placed(room, thing)}>${ring}${shape}</g>`;
}

/** Over all else, with a bright rim. */
function labelSvg(room: Room, thing: Thing): string {
  const { kind, x, y } = thing;
  const attributes = `${placed(room, thing)} fill="#222222" stroke="#ffffff" stroke-width="3" paint-order="stroke"`;
  const below = px(sizes[kind].width) / 2 + 15;
  if (kind !== 'door') return text(attributes, 0, below, 'middle', nameOf(thing));
  if (x === 0) return text(attributes, 12, 4, 'start', nameOf(thing));
  if (x === room.width) return text(attributes, -12, 4, 'end', nameOf(thing));
  return text(attributes, 0, y === 0 ? -12 : 22, 'middle', nameOf(thing));
}

const text = (attributes: string, x: number, y: number, anchor: string, words: string): string =>
  `<text ${attributes} x="${x}" y="${y}" text-anchor="${anchor}">${words}</text>`;

const dotSvg = (room: Room, pose: Pose): string =>
  `<circle ${placed(room, pose)} r="3" fill="#ffffff" stroke="${accent}" stroke-width="1.5"/>`;

/** The field of view at a place whose picture is shown, with its letter. */
function lookSvg(room: Room, pose: Pose, index: number): string {
  const [far, half] = [46, 34.5];
  const cone = `<path d="M0 0L${far} ${-half}L${far} ${half}Z" fill="${accent}" fill-opacity="0.13"/>`;
  const letter = `<g ${placed(room, pose)}><g transform="translate(-15 -15)"><circle r="9" fill="#ffffff" stroke="${accent}" stroke-width="1.5"/><text y="4.5" text-anchor="middle" fill="${accent}">${letterOf(index)}</text></g></g>`;
  return `<g ${placed(room, pose, pose.heading)}>${cone}</g>${letter}`;
}

const robotSvg = (room: Room, pose: Pose): string =>
  `<g ${placed(room, pose, pose.heading)}><circle r="13" fill="${accent}"/><path d="M11 0L-6 -7L-6 7Z" fill="#ffffff"/></g>`;

const letterOf = (index: number): string => String.fromCharCode(65 + index);

/** What it saw there: runs of one colour, row by row. */
function viewSvg(room: Room, pose: Pose, index: number, x: number): string {
  const y = margin + index * (viewSide + 12);
  const scale = viewSide / side;
  return [
    `<g transform="translate(${x} ${y})">`,
    `<g transform="scale(${scale})" shape-rendering="crispEdges">${pixelsSvg(viewOf(room, pose))}</g>`,
    `<circle cx="0" cy="0" r="9" fill="#ffffff" stroke="${accent}" stroke-width="1.5"/>`,
    `<text y="4.5" text-anchor="middle" fill="${accent}">${letterOf(index)}</text>`,
    '</g>',
  ].join('\n');
}

/** One path a colour: half the size of one rectangle a run. */
function pixelsSvg({ pixels }: Picture): string {
  const runs = new Map<number, string[]>();
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; ) {
      const index = pixels[y * side + x]!;
      let end = x;
      while (end < side && pixels[y * side + end] === index) end++;
      const parts = runs.get(index) ?? [];
      parts.push(`M${x} ${y}h${end - x}v1h${x - end}z`);
      runs.set(index, parts);
      x = end;
    }
  }
  return [...runs]
    .map(([index, parts]) => `<path fill="${rgb(index)}" d="${parts.join('')}"/>`)
    .join('');
}

/** Up to so many, evenly, the first and the last among them. */
function spread<Value>(values: readonly Value[], count: number): Value[] {
  if (values.length <= count) return [...values];
  return Array.from(
    { length: count },
    (_, index) => values[Math.round((index * (values.length - 1)) / (count - 1))]!,
  );
}

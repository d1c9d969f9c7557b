// A rectangular room with things and a robot, in whole millimetres and headings of ten degrees. A
// port of training/eyes/room.py: integers only, so that both give the same numbers. Draws nothing.

/** Cosines and sines are whole numbers of 1 / unit. */
export const unit = 65_536;
const headings = Array.from({ length: 36 }, (_, step) => (step * Math.PI) / 18);
// Rounded: the last digits of Math.cos may differ between machines.
const cosines = headings.map((angle) => Math.round(unit * Math.cos(angle)));
const sines = headings.map((angle) => Math.round(unit * Math.sin(angle)));

export const colours = [
  ...['red', 'green', 'blue', 'yellow', 'white', 'black', 'orange', 'purple'],
] as const satisfies readonly string[];
export const kinds = ['chair', 'ball', 'box', 'plant', 'lamp', 'door'] as const;
export type Kind = (typeof kinds)[number];

/** Millimetres. A door is flat on a wall; the other kinds always face the camera. */
export const sizes: {
  readonly [kind in Kind]: { readonly width: number; readonly height: number };
} = {
  chair: { width: 500, height: 900 },
  ball: { width: 400, height: 400 },
  box: { width: 500, height: 500 },
  plant: { width: 500, height: 1_100 },
  lamp: { width: 400, height: 1_200 },
  door: { width: 900, height: 2_000 },
};

/** How near the robot's centre gets to a wall and to the centre of a thing, in millimetres. */
export const wallMargin = 300;
const thingMargin = 350;
/** Of one step of a drive, in millimetres. */
export const stepLength = 50;

export interface Thing {
  readonly kind: Kind;
  readonly colour: string;
  /** Its centre on the floor; a door's lies on a wall. */
  readonly x: number;
  readonly y: number;
}

/** Walls at x = 0, x = width, y = 0 and y = depth. */
export interface Room {
  readonly width: number;
  readonly depth: number;
  readonly things: readonly Thing[];
}

export interface Pose {
  readonly x: number;
  readonly y: number;
  /** Steps of ten degrees, counter-clockwise from the x axis, 0 to 35. */
  readonly heading: number;
}

/** Division rounded down, as Python's `//`. */
export const floorDiv = (part: number, whole: number): number => Math.floor(part / whole);

export const nameOf = ({ colour, kind }: Thing): string => `${colour} ${kind}`;

/** Cosine and sine of a heading. */
export const directionOf = (heading: number): { readonly c: number; readonly s: number } => ({
  c: cosines[heading]!,
  s: sines[heading]!,
});

/** A point of the floor as the camera has it, in millimetres. */
export function inCamera(pose: Pose, x: number, y: number): { forward: number; right: number } {
  const [dx, dy] = [x - pose.x, y - pose.y];
  const { c, s } = directionOf(pose.heading);
  return { forward: floorDiv(dx * c + dy * s, unit), right: floorDiv(dx * s - dy * c, unit) };
}

/** Whether the robot's centre may be there. */
export function isFree({ width, depth, things }: Room, x: number, y: number): boolean {
  const isInside =
    x >= wallMargin && x <= width - wallMargin && y >= wallMargin && y <= depth - wallMargin;
  return (
    isInside &&
    things.every(
      (thing) =>
        thing.kind === 'door' || (thing.x - x) ** 2 + (thing.y - y) ** 2 >= thingMargin ** 2,
    )
  );
}

/** @param turn degrees, a multiple of ten; left is positive. */
export const turned = ({ x, y, heading }: Pose, turn: number): Pose => ({
  ...{ x, y },
  heading: (((heading + turn / 10) % 36) + 36) % 36,
});

/** Where a step of 50 mm ahead leads, free or not. */
export function ahead({ x, y, heading }: Pose, count = 1): Pose {
  const { c, s } = directionOf(heading);
  const [dx, dy] = [floorDiv(stepLength * c, unit), floorDiv(stepLength * s, unit)];
  return { x: x + count * dx, y: y + count * dy, heading };
}

/** A step of 50 mm. One that is not free slides along x, else along y, else leads nowhere. */
export function stepped(room: Room, pose: Pose): Pose {
  const { x, y } = ahead(pose);
  const ways = [
    { ...pose, x, y },
    { ...pose, x },
    { ...pose, y },
  ];
  return ways.find((way) => isFree(room, way.x, way.y)) ?? pose;
}

/** The pose after a turn in degrees and a drive of `forward` millimetres. */
export function moved(room: Room, pose: Pose, turn: number, forward: number): Pose {
  let at = turned(pose, turn);
  for (let step = 0; step < floorDiv(forward, stepLength); step++) at = stepped(room, at);
  return at;
}

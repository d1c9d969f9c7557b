// Draws errands from a seed: a random room, a pose in it and a thing to go to. The rules are those
// of training/eyes/room.py with another random generator: rooms that no training has seen.

import {
  colours,
  isFree,
  kinds,
  nameOf,
  type Pose,
  type Room,
  type Thing,
  wallMargin,
} from './room.js';

export interface Errand {
  readonly room: Room;
  readonly pose: Pose;
  /** Name of a thing of the room. */
  readonly goal: string;
}

/** Uniform numbers from a seed: mulberry32 (T. Ettinger, public domain), integers only. */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed ^ 0x5bd1e995, 0x9e3779b1) >>> 0;
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let x = this.#state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Whole, from <= value < to. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from));
  }

  pick<Value>(values: readonly Value[]): Value {
    return values[this.whole(0, values.length)]!;
  }
}

/** @param seed whole. Equal seeds, equal errands. */
export function drawErrand(seed: number): Errand {
  const dice = new Dice(seed);
  for (;;) {
    const room = drawRoom(dice);
    const pose = drawPose(dice, room);
    if (pose !== null) return { room, pose, goal: nameOf(dice.pick(room.things)) };
  }
}

/** 4 to 7 m a side with 3 to 7 things, no two of the same kind and colour. */
function drawRoom(dice: Dice): Room {
  const [width, depth] = [dice.whole(4_000, 7_001), dice.whole(4_000, 7_001)];
  const names = kinds.flatMap((kind) => colours.map((colour) => ({ kind, colour })));
  const things: Thing[] = [];
  for (let left = dice.whole(3, 8); left > 0; left--) {
    const [name] = names.splice(dice.whole(0, names.length), 1);
    for (let trial = 0; trial < 20; trial++) {
      const place =
        name!.kind === 'door' ? drawDoor(dice, width, depth) : drawSpot(dice, width, depth);
      const isApart = ({ x, y }: Thing) => (x - place.x) ** 2 + (y - place.y) ** 2 >= 900 ** 2;
      if (!things.every(isApart)) continue;
      things.push({ ...name!, ...place });
      break;
    }
  }
  return { width, depth, things };
}

const drawSpot = (dice: Dice, width: number, depth: number) => ({
  x: dice.whole(450, width - 449),
  y: dice.whole(450, depth - 449),
});

function drawDoor(dice: Dice, width: number, depth: number): { x: number; y: number } {
  const wall = dice.whole(0, 4);
  const along = dice.whole(700, (wall < 2 ? depth : width) - 700);
  if (wall < 2) return { x: wall === 0 ? 0 : width, y: along };
  return { x: along, y: wall === 2 ? 0 : depth };
}

/** Most poses look towards a thing from at most 3 m; null: none is free. */
function drawPose(dice: Dice, room: Room): Pose | null {
  for (let trial = 0; trial < 200; trial++) {
    const pose = dice.next() < 0.3 ? drawAnywhere(dice, room) : drawBefore(dice, room);
    if (isFree(room, pose.x, pose.y)) return pose;
  }
  return null;
}

const drawAnywhere = (dice: Dice, { width, depth }: Room): Pose => ({
  x: dice.whole(wallMargin, width - wallMargin + 1),
  y: dice.whole(wallMargin, depth - wallMargin + 1),
  heading: dice.whole(0, 36),
});

function drawBefore(dice: Dice, { things }: Room): Pose {
  const { x, y } = dice.pick(things);
  const away = 500 + 2_500 * dice.next();
  const angle = 2 * Math.PI * dice.next();
  const heading = Math.round((18 * angle) / Math.PI + 18 + 8 * dice.next() - 4) % 36;
  return {
    x: Math.trunc(x + away * Math.cos(angle)),
    y: Math.trunc(y + away * Math.sin(angle)),
    heading,
  };
}

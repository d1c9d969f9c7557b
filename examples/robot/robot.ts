// A robot in its room: where it stands, what its camera and its distance sensor see, and the way it
// has gone. Moves only by the steps of its motors.

import type { Senses, Step } from './control-loop.js';
import type { Errand } from './room/draw-errand.js';
import { ahead, isFree, nameOf, type Pose, stepped, turned } from './room/room.js';
import { type View, viewOf } from './room/sights.js';

/** Steps ahead that the distance sensor looks. */
const sensorSteps = 3;
/** Nearest that an errand must end to its goal, in millimetres. */
const arrivedWithin = 1_100;

export class Robot {
  readonly errand: Errand;
  /** Every pose so far, the present one last. */
  readonly path: Pose[];
  /** Steps ahead that something was in the way of. */
  touchCount = 0;
  #isStuck = false;

  constructor(errand: Errand) {
    this.errand = errand;
    this.path = [errand.pose];
  }

  get pose(): Pose {
    return this.path.at(-1)!;
  }

  get view(): View {
    return viewOf(this.errand.room, this.pose);
  }

  /** Once after each step that has led nowhere. */
  takeSenses(): Senses {
    const senses = { isClear: this.#isClear, isStuck: this.#isStuck };
    this.#isStuck = false;
    return senses;
  }

  get #isClear(): boolean {
    for (let count = 1; count <= sensorSteps; count++) {
      const { x, y } = ahead(this.pose, count);
      if (!isFree(this.errand.room, x, y)) return false;
    }
    return true;
  }

  get isAtGoal(): boolean {
    const { room, goal } = this.errand;
    const { x, y } = room.things.find((thing) => nameOf(thing) === goal)!;
    return (x - this.pose.x) ** 2 + (y - this.pose.y) ** 2 <= arrivedWithin ** 2;
  }

  move(step: Step): void {
    const { pose } = this;
    if (step !== 'ahead') {
      this.path.push(turned(pose, step === 'left' ? 10 : -10));
      return;
    }
    const { x, y } = ahead(pose);
    if (!isFree(this.errand.room, x, y)) this.touchCount++;
    const next = stepped(this.errand.room, pose);
    this.#isStuck = next === pose;
    this.path.push(next);
  }
}

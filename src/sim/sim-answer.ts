// Records one request of a simulated user on one device, and what became of it. A device that
// crashes loses it; the user may ask the same again.

import type { GenerateRequest } from '../device/core/event.js';
import type { AnswerId } from '../device/core/token.js';
import { Transcript } from './transcript.js';

/** A planned request: content, time and device, drawn from the seed before the run. */
export interface Ask {
  /** Unique in a run. */
  readonly id: number;
  readonly device: number;
  readonly atMs: number;
  readonly request: GenerateRequest;
}

export class SimAnswer {
  readonly ask: Ask;
  readonly id: AnswerId;
  readonly device: number;
  readonly askedAtMs: number;
  readonly transcript = new Transcript();
  /** The device died before it ended. */
  isLost = false;
  firstTokenAtMs: number | null = null;
  endedAtMs: number | null = null;

  constructor(ask: Ask, id: AnswerId, askedAtMs: number) {
    this.ask = ask;
    this.id = id;
    this.device = ask.device;
    this.askedAtMs = askedAtMs;
  }

  /** For traces. */
  get name(): string {
    return `answer ${this.ask.id} of device ${this.device}`;
  }
}

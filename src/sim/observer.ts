// Defines what can be observed of a simulation while it runs. Checkers, counters and traces
// implement what they need; none of them may change anything.

import type { AnswerEffect } from '../device/core/event.js';
import type { DraftedToken } from '../engine/engine.js';
import type { DeviceFrame, ServerFrame } from '../protocol/frame.js';
import type { Fault } from './fault-plan.js';
import type { ObservedDevice, ObservedServer } from './observed.js';
import type { SimAnswer } from './sim-answer.js';
import type { Answered } from './sim-engine.js';

export interface Observer {
  onAsk?(answer: SimAnswer): void;
  /**
   * After the transcript has taken it.
   *
   * @param complaint the rule that the report breaks, or null.
   */
  onTell?(answer: SimAnswer, effect: AnswerEffect, complaint: string | null): void;
  /** A device has crashed under it. */
  onLoss?(answer: SimAnswer): void;
  /** Before the device's core hears of the token. */
  onDrafted?(answer: SimAnswer, token: DraftedToken): void;
  /** A frame leaves a device, a frame arrives at a server, a frame arrives at a device. */
  onSent?(device: ObservedDevice, frame: DeviceFrame): void;
  onUp?(server: ObservedServer, frame: DeviceFrame, device: number): void;
  onDown?(device: ObservedDevice, frame: ServerFrame): void;
  /** A message leaves a device or arrives at it, as an observer of the network sees it. */
  onMessage?(device: ObservedDevice, way: 'up' | 'down', byteCount: number): void;
  /** The engine has answered; the core has not heard of it. */
  onAnswered?(server: ObservedServer, answered: Answered): void;
  /** After each event of a core. */
  onServerStep?(server: ObservedServer): void;
  onDeviceStep?(device: ObservedDevice): void;
  onServerStart?(server: ObservedServer): void;
  onServerCrash?(server: ObservedServer): void;
  onDeviceCrash?(device: ObservedDevice): void;
  onLink?(device: ObservedDevice, isUp: boolean, reason: string): void;
  /** @param isFelt whether it had an effect. */
  onFault?(fault: Fault, isFelt: boolean): void;
  /** All answers are over, all devices have closed, all that may be kept has expired. */
  onEnd?(): void;
}

/** Several observers as one. */
export class Observers implements Required<Observer> {
  readonly #all: readonly Observer[];

  constructor(all: readonly Observer[]) {
    this.#all = all;
  }

  onAsk = (answer: SimAnswer): void => {
    for (const one of this.#all) one.onAsk?.(answer);
  };

  onTell = (answer: SimAnswer, effect: AnswerEffect, complaint: string | null): void => {
    for (const one of this.#all) one.onTell?.(answer, effect, complaint);
  };

  onLoss = (answer: SimAnswer): void => {
    for (const one of this.#all) one.onLoss?.(answer);
  };

  onDrafted = (answer: SimAnswer, token: DraftedToken): void => {
    for (const one of this.#all) one.onDrafted?.(answer, token);
  };

  onSent = (device: ObservedDevice, frame: DeviceFrame): void => {
    for (const one of this.#all) one.onSent?.(device, frame);
  };

  onUp = (server: ObservedServer, frame: DeviceFrame, device: number): void => {
    for (const one of this.#all) one.onUp?.(server, frame, device);
  };

  onDown = (device: ObservedDevice, frame: ServerFrame): void => {
    for (const one of this.#all) one.onDown?.(device, frame);
  };

  onMessage = (device: ObservedDevice, way: 'up' | 'down', byteCount: number): void => {
    for (const one of this.#all) one.onMessage?.(device, way, byteCount);
  };

  onAnswered = (server: ObservedServer, answered: Answered): void => {
    for (const one of this.#all) one.onAnswered?.(server, answered);
  };

  onServerStep = (server: ObservedServer): void => {
    for (const one of this.#all) one.onServerStep?.(server);
  };

  onDeviceStep = (device: ObservedDevice): void => {
    for (const one of this.#all) one.onDeviceStep?.(device);
  };

  onServerStart = (server: ObservedServer): void => {
    for (const one of this.#all) one.onServerStart?.(server);
  };

  onServerCrash = (server: ObservedServer): void => {
    for (const one of this.#all) one.onServerCrash?.(server);
  };

  onDeviceCrash = (device: ObservedDevice): void => {
    for (const one of this.#all) one.onDeviceCrash?.(device);
  };

  onLink = (device: ObservedDevice, isUp: boolean, reason: string): void => {
    for (const one of this.#all) one.onLink?.(device, isUp, reason);
  };

  onFault = (fault: Fault, isFelt: boolean): void => {
    for (const one of this.#all) one.onFault?.(fault, isFelt);
  };

  onEnd = (): void => {
    for (const one of this.#all) one.onEnd?.();
  };
}

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
export function observersAsOne(all: readonly Observer[]): Required<Observer> {
  const tellAll = <Name extends keyof Observer>(name: Name) => {
    const hearing = all.filter((one) => one[name] !== undefined);
    return (...news: Parameters<Required<Observer>[Name]>): void => {
      for (const one of hearing) (one[name] as (...news: unknown[]) => void).apply(one, news);
    };
  };
  return {
    onAsk: tellAll('onAsk'),
    onTell: tellAll('onTell'),
    onLoss: tellAll('onLoss'),
    onDrafted: tellAll('onDrafted'),
    onSent: tellAll('onSent'),
    onUp: tellAll('onUp'),
    onDown: tellAll('onDown'),
    onMessage: tellAll('onMessage'),
    onAnswered: tellAll('onAnswered'),
    onServerStep: tellAll('onServerStep'),
    onDeviceStep: tellAll('onDeviceStep'),
    onServerStart: tellAll('onServerStart'),
    onServerCrash: tellAll('onServerCrash'),
    onDeviceCrash: tellAll('onDeviceCrash'),
    onLink: tellAll('onLink'),
    onFault: tellAll('onFault'),
    onEnd: tellAll('onEnd'),
  };
}

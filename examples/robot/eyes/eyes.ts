// Defines what looks at a picture and says what to do, and the scripted expert as the simplest one.

import { actionText } from '../action.js';
import { expertAction, type View } from '../room/sights.js';

export interface Eyes {
  /** Of a model, or what takes its place. */
  readonly name: string;
  /**
   * The next action towards a thing, as the model writes it.
   *
   * @param signal aborted where a newer picture makes this one useless.
   */
  act(view: View, goal: string, signal: AbortSignal): Promise<string>;
  close(): Promise<void>;
}

/** The rules that the models were trained to imitate; sees through no picture. */
export const expertEyes = (): Eyes => ({
  name: 'the scripted expert',
  act: async ({ sights }, goal) => actionText(expertAction(sights, goal)),
  close: async () => undefined,
});

// Actions of the robot: what the model is asked for, as a JSON Schema and as text.

export interface Action {
  /** Degrees; left is positive; comes before the drive. */
  readonly turn: number;
  /** Millimetres. */
  readonly forward: number;
  readonly stop: boolean;
}

/** Farthest that one action may turn, in degrees, and drive, in metres. */
const turnMax = 60;
const forwardMax = 1;

/**
 * Binds an answer, whatever the model would like to say. The text's frame is then certain: drafts
 * of it always stand, so that it costs hardly any pass.
 */
export const actionSchema = {
  type: 'object',
  properties: {
    turn: { type: 'integer', minimum: -turnMax, maximum: turnMax },
    forward: { type: 'number', minimum: 0, maximum: forwardMax },
    stop: { type: 'boolean' },
  },
  required: ['turn', 'forward', 'stop'],
  additionalProperties: false,
} as const;

/** As the models write it. */
export const actionText = ({ turn, forward, stop }: Action): string =>
  `{"turn": ${turn}, "forward": ${(forward / 1_000).toFixed(1)}, "stop": ${stop}}`;

/**
 * Reads an answer. A server that ignores schemas may send anything.
 *
 * @returns turn rounded to ten degrees, forward to 50 mm; null: no action within bounds.
 */
export function actionFrom(text: string): Action | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null; // Not JSON: no action, as any other text.
  }
  if (typeof value !== 'object' || value === null) return null;
  const { turn, forward, stop } = value as Readonly<Record<string, unknown>>;
  const isBound = (number: unknown, low: number, high: number): number is number =>
    typeof number === 'number' && number >= low && number <= high;
  if (!isBound(turn, -turnMax, turnMax) || !isBound(forward, 0, forwardMax)) return null;
  if (typeof stop !== 'boolean') return null;
  return {
    turn: 10 * Math.round(turn / 10),
    forward: 50 * Math.round((1_000 * forward) / 50),
    stop,
  };
}

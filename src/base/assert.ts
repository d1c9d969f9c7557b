// Checks invariants of this program, always on: a broken one ends the work. Never used for mistakes
// of a peer or failures of the environment; see error.ts for those.

/** Thrown when the program itself is wrong. Never caught in order to continue. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/** Throws InvariantError unless `condition` holds. `message` gives name, value and bound. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** For the last arm of a switch over a closed union: reaching it is a broken invariant. */
export function unreachable(value: never): never {
  throw new InvariantError(`unreachable case: ${JSON.stringify(value)}`);
}

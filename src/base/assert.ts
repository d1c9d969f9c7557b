// Checks for our own mistakes. Always on: a broken invariant ends the work rather than the promise.
// Never used for what a peer or the world does; see error.ts for those.

/** Thrown when the program itself is wrong. Never caught to carry on. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/** Throws InvariantError with `message` unless `condition` holds. Messages give name, value and bound. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** For the last arm of a switch over a closed union: reaching it is a broken invariant. */
export function unreachable(value: never): never {
  throw new InvariantError(`unreachable case: ${JSON.stringify(value)}`);
}

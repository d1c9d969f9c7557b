// Checks that no committed token is lost, repeated or altered across resumptions, crashes and
// failovers: the text of a user only grows, without a gap, and both ends of a session agree on it.

import type { Observer } from '../observer.js';
import type { SimAnswer } from '../sim-answer.js';
import type { CheckerContext } from './checker.js';

export function checkContinuity({ violate }: CheckerContext): Observer {
  /** Final tokens as they were first told. */
  const said = new Map<SimAnswer, number[]>();
  const complain = ({ name }: SimAnswer, what: string): void =>
    violate('continuity', `${name}: ${what}`);

  return {
    onTell(answer, _effect, complaint) {
      if (complaint !== null) complain(answer, complaint);
      const { tokens, finalCount, end } = answer.transcript;
      const known = said.get(answer) ?? [];
      if (finalCount < known.length) {
        complain(answer, `${known.length} tokens were final, now ${finalCount}`);
      }
      while (known.length < finalCount) known.push(tokens[known.length]!.token);
      said.set(answer, known);
      if (end === null) return;
      const changed = known.findIndex((token, index) => tokens[index]?.token !== token);
      if (changed >= 0) complain(answer, `final token ${changed} has changed`);
      said.delete(answer);
    },
    onDown(device, frame) {
      // The server has compared the logs: a difference means that a committed token was lost or
      // altered.
      if (frame.kind === 'failure' && frame.code === 'log-mismatch') {
        violate('continuity', `device ${device.index}: ${frame.message}`);
      }
    },
    onLoss(answer) {
      said.delete(answer);
    },
  };
}

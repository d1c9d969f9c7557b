// Checks that the final text under greedy, coupled and agreement is the target's own, token by
// token: a whole answer is the whole text, a broken one its beginning.

import { schemeTraits } from '../../math/scheme.js';
import type { Observer } from '../observer.js';
import { targetText } from '../reference.js';
import type { SimAnswer } from '../sim-answer.js';
import type { CheckerContext } from './checker.js';

interface Watched {
  /** [n], prompt not included. */
  readonly text: Int32Array;
  checkedCount: number;
}

export function checkExactness({ world, violate }: CheckerContext): Observer {
  const texts = new Map<number, Int32Array>();
  const watched = new Map<SimAnswer, Watched>();
  const complain = ({ name, ask }: SimAnswer, what: string): void =>
    violate('exactness', `${name} (${ask.request.scheme}, ${ask.request.mode}): ${what}`);

  const textOf = ({ ask }: SimAnswer): Int32Array => {
    let text = texts.get(ask.id);
    if (text === undefined) {
      const { contextLength } = world().servers[0]!.settings.model;
      text = targetText(ask.request, contextLength);
      texts.set(ask.id, text);
    }
    return text;
  };

  return {
    onAsk(answer) {
      const { scheme } = answer.ask.request;
      if (schemeTraits[scheme].test === 'ratio') return;
      watched.set(answer, { text: textOf(answer), checkedCount: 0 });
    },
    onTell(answer) {
      const known = watched.get(answer);
      if (known === undefined) return;
      const { tokens, finalCount, end } = answer.transcript;
      for (; known.checkedCount < finalCount; known.checkedCount++) {
        const index = known.checkedCount;
        const { token, position, origin } = tokens[index]!;
        if (token === known.text[index]) continue;
        complain(answer, `${origin} token ${token} at ${position}, not ${known.text[index]}`);
      }
      if (end === null) return;
      watched.delete(answer);
      texts.delete(answer.ask.id);
      const isWhole = end.kind === 'ended' && end.reason !== 'cancelled' && end.isVerified;
      if (isWhole && finalCount !== known.text.length) {
        complain(answer, `ended after ${finalCount} tokens of ${known.text.length}`);
      }
    },
    onLoss(answer) {
      watched.delete(answer);
    },
  };
}

// Checks that every drafted token either became text or is void, that the server tests only what it
// was sent and accepts, rejects or drops all of it, and that the final statistics match these
// counts.

import type { Statistics } from '../../device/core/statistics.js';
import type { Observer } from '../observer.js';
import type { SimAnswer } from '../sim-answer.js';
import type { CheckerContext } from './checker.js';

/** Drafts that one session of a server was sent, over all its connections. */
interface Ledger {
  /** Epochs and positions of drafts: the same token sent again is one token. */
  readonly sent: Set<string>;
  testedCount: number;
  /** Its resume key, once it has one. */
  key: string | null;
}

export function checkTokenCounts({ violate }: CheckerContext): Observer {
  /** By device and session id of its present connection, and by resume key. */
  const bySession = new Map<string, Ledger>();
  const byKey = new Map<string, Ledger>();
  const complain = (who: string, what: string): void => violate('tokens', `${who}: ${what}`);

  return {
    onSent({ index }, frame) {
      if (frame.kind === 'open') {
        bySession.set(`${index}/${frame.session}`, { sent: new Set(), testedCount: 0, key: null });
      } else if (frame.kind === 'resume') {
        const ledger = byKey.get(frame.resumeKey.join());
        if (ledger !== undefined) bySession.set(`${index}/${frame.session}`, ledger);
      } else if (frame.kind === 'close') {
        const name = `${index}/${frame.session}`;
        const key = bySession.get(name)?.key ?? null;
        if (key !== null) byKey.delete(key);
        bySession.delete(name);
      } else if (frame.kind === 'draft') {
        const ledger = bySession.get(`${index}/${frame.session}`)!;
        const { epoch, from, ids } = frame;
        for (let place = 0; place < ids.length; place++)
          ledger.sent.add(`${epoch}/${from + place}`);
      }
    },
    onDown({ index }, frame) {
      if (frame.kind !== 'opened' && frame.kind !== 'verdict') return;
      const name = `${index}/${frame.session}`;
      const ledger = bySession.get(name);
      // Closed meanwhile: this frame is late.
      if (ledger === undefined) return;
      if (frame.kind === 'opened') {
        ledger.key = frame.resumeKey.join();
        byKey.set(ledger.key, ledger);
      } else ledger.testedCount += frame.acceptedCount + frame.rejectedCount;
      if (ledger.testedCount > ledger.sent.size) {
        const counts = `${ledger.testedCount} drafts tested, ${ledger.sent.size} sent`;
        complain(`session ${name}`, counts);
      }
    },
    onTell(answer, effect) {
      if (effect.kind !== 'ended' && effect.kind !== 'failed') return;
      const fault = faultOf(answer, effect.statistics);
      if (fault !== null) complain(answer.name, fault);
    },
  };
}

function faultOf({ transcript }: SimAnswer, statistics: Statistics): string | null {
  const { draftedCount, keptCount, wastedCount, acceptedCount, testedCount } = statistics;
  if (draftedCount !== keptCount + wastedCount) {
    return `${draftedCount} drafted, ${keptCount} kept, ${wastedCount} wasted`;
  }
  if (acceptedCount > testedCount) return `${acceptedCount} of ${testedCount} tested were accepted`;
  const confirmed = transcript.tokens.slice(0, transcript.finalCount).length;
  return statistics.tokenCount === confirmed
    ? null
    : `${statistics.tokenCount} tokens counted, ${confirmed} told`;
}

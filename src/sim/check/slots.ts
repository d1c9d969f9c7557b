// Checks that slots hold what their sessions believe, that operations fail only where a fault made
// them, that tables agree after every event, and that nothing is kept once every device has left.

import type { Observer } from '../observer.js';
import type { CheckerContext } from './checker.js';
import { slotName, slotOf } from './slot-owners.js';

/**
 * Beyond this many sessions the tables are compared only now and then: a comparison looks at all of
 * them.
 */
const smallCount = 32;

export function checkSlots({ world, violate }: CheckerContext): Observer {
  /**
   * Slots with an operation that a fault made fail: later ones may fail because of it, until they
   * are opened again.
   */
  const spoilt = new Set<string>();
  let stepCount = 0;

  return {
    onAnswered(server, { operation, event, isInjected }) {
      const slots =
        operation.kind === 'pass'
          ? operation.segments.map(({ slot }) => slot)
          : [slotOf(operation)];
      const names = slots.map((slot) => slotName(server, slot));
      if (event.kind !== 'failed') {
        const isFresh = operation.kind === 'open' || operation.kind === 'restore';
        if (isFresh) for (const name of names) spoilt.delete(name);
        return;
      }
      const isExcused = isInjected || names.some((name) => spoilt.has(name));
      for (const name of names) spoilt.add(name);
      if (!isExcused) violate('slots', `${operation.kind} fails unasked: ${event.message}`);
    },
    onServerStep(server) {
      const { peerCount } = server;
      if (peerCount > smallCount && ++stepCount < 4 * peerCount) return;
      stepCount = 0;
      server.core.checkIntegrity();
    },
    onEnd() {
      for (const { index, core, engine, isUp } of world().servers) {
        if (!isUp) continue;
        const { retainedCount } = core;
        const { images, slotsOwned } = core.stats();
        const left = retainedCount + engine.waitingCount + slotsOwned + images.bytes;
        if (left === 0) continue;
        const parts = `${retainedCount} entries, ${slotsOwned} slots, ${images.bytes} bytes, ${engine.waitingCount} operations`;
        violate('slots', `server ${index} still keeps ${parts}`);
      }
      for (const { index, drafter } of world().devices) {
        const jobs = drafter?.jobCount ?? 0;
        if (jobs > 0) violate('slots', `device ${index} still drafts ${jobs} answers`);
      }
    },
  };
}

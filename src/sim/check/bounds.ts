// Checks that queues and memory stay within the settings at all times: nothing grows with the
// length of a run, with a slow peer or with a lost one.

import { limits } from '../../protocol/limits.js';
import type { ObservedServer } from '../observed.js';
import type { Observer } from '../observer.js';
import type { CheckerContext } from './checker.js';

/** Events between snapshots, which cost more than events. */
const everyMin = 64;
/**
 * Most pending operations of one slot: open or restore, copy, cut, and the save of
 * its previous owner.
 */
const operationsOfSlot = 5;

export function checkBounds({ world, violate }: CheckerContext): Observer {
  let stepCount = 0;
  const complain = (who: string, what: string): void => violate('bounds', `${who}: ${what}`);

  return {
    onServerStep(server) {
      if (++stepCount < Math.max(everyMin, server.peerCount)) return;
      stepCount = 0;
      for (const [what, count, max] of countsOf(server)) {
        if (count > max) complain(`server ${server.index}`, `${count} ${what}, more than ${max}`);
      }
    },
    onDeviceStep({ index, link, live, core }) {
      if (core !== null && core.answerCount > live.size) {
        complain(`device ${index}`, `${core.answerCount} answers, ${live.size} asked for`);
      }
      if (link === null) return;
      const bytes = Math.max(link.up.inFlightBytes, link.down.inFlightBytes);
      if (bytes > limits.bufferedBytes.value) {
        complain(`device ${index}`, `${bytes} bytes are under way`);
      }
    },
    onSent({ index }, frame) {
      if (frame.kind !== 'draft') return;
      const { draftTokens } = world().servers[0]!.settings.limits;
      if (frame.ids.length > draftTokens) {
        complain(`device ${index}`, `${frame.ids.length} drafts in a frame of ${draftTokens}`);
      }
    },
  };
}

/** [name, count, bound] of everything bounded. */
function countsOf({
  core,
  engine,
  settings,
  peerCount,
}: ObservedServer): [string, number, number][] {
  const { connectionsMax, sessionsMax, swapBytesMax, model } = settings;
  const { connectionCount, sessionCount, slotsOwned, images } = core.stats();
  const operationsMax = operationsOfSlot * model.slotCount + 1;
  // Three entries for a connection, one of them what its answers have shown; for a session two
  // keys, its turn, its slot, its image, what is known of its drafts, its text for look-ups and its
  // draft; and the draft stage under way.
  const retainedMax = 3 * connectionCount + 8 * sessionCount + operationsMax + 1;
  return [
    ['connections', connectionCount, Math.max(connectionsMax, peerCount)],
    ['sessions', sessionCount, sessionsMax],
    ['slots', slotsOwned, model.slotCount],
    ['bytes of images', images.bytes, swapBytesMax],
    ['operations', engine.waitingCount, operationsMax],
    ['entries', core.retainedCount, retainedMax],
  ];
}

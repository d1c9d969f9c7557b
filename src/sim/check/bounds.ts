// Queues and memory stay within what the settings say, at every moment: nothing grows with the length of a run, with a
// slow peer or with a lost one.

import { limits } from '../../protocol/limits.js';
import type { ObservedServer } from '../observed.js';
import type { Observer } from '../observer.js';
import type { CheckerContext } from './checker.js';

/** Snapshots cost more than events, the more so the more there is to count: one in so many events. */
const everyMin = 64;
/** Operations of one slot that may be under way at once: open or restore, copy, cut, and the save of who had it before. */
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

/** What is bounded, how much of it there is, and the bound. */
function countsOf({
  core,
  engine,
  settings,
  peerCount,
}: ObservedServer): [string, number, number][] {
  const { connectionsMax, sessionsMax, swapBytesMax, model } = settings;
  const { connectionCount, sessionCount, slotsOwned, images } = core.stats();
  const operationsMax = operationsOfSlot * model.slotCount + 1;
  // Two entries for a connection; for a session two keys, its turn, its slot and its image.
  const retainedMax = 2 * connectionCount + 5 * sessionCount + operationsMax;
  return [
    ['connections', connectionCount, Math.max(connectionsMax, peerCount)],
    ['sessions', sessionCount, sessionsMax],
    ['slots', slotsOwned, model.slotCount],
    ['bytes of images', images.bytes, swapBytesMax],
    ['operations', engine.waitingCount, operationsMax],
    ['entries', core.retainedCount, retainedMax],
  ];
}

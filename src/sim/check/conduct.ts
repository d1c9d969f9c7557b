// Checks that neither end breaks the protocol on any network: no frame is refused as illegal, no
// connection ends for a peer's fault, and an answer fails only for a reason that a fault gave.

import { errorTable } from '../../base/error.js';
import type { WireCode } from '../../protocol/code.js';
import type { Observer } from '../observer.js';
import type { CheckerContext } from './checker.js';

/** Failures that a server may send although both ends behave. */
const legitimate: ReadonlySet<WireCode> = new Set([
  'server-full',
  'draining',
  'too-slow',
  'sessions-exhausted',
  'server-busy',
  'resume-refused',
  'session-taken',
  'session-expired',
  'engine-failed',
]);

/** Codes that an answer may fail with. */
const excusable: ReadonlySet<string> = new Set([
  'link-lost',
  'server-unreachable',
  'server-busy',
  'server-refused',
  'engine-failed',
]);

export function checkConduct({ violate }: CheckerContext): Observer {
  return {
    onDown(device, frame) {
      if (frame.kind !== 'failure' || legitimate.has(frame.code)) return;
      violate('conduct', `device ${device.index} is told ${frame.code}: ${frame.message}`);
    },
    onTell(answer, effect) {
      if (effect.kind !== 'failed' || excusable.has(effect.error.code)) return;
      const { code, message } = effect.error;
      violate('conduct', `${answer.name} fails with ${code}: ${message}`);
      if (!(code in errorTable)) violate('conduct', `${code} is no code of the list`);
    },
  };
}

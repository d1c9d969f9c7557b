// Makes sessions for tests, without a server: attached to a device, with a short prompt.

import { unlimited } from '../../base/key-grant.js';
import { plainSampling } from '../../math/sampling.js';
import { noShaping } from '../../protocol/frame.js';
import { TokenLog } from '../../protocol/token-log.js';
import { Session } from './session.js';
import type { SessionTerms } from './session-terms.js';
import { Tenant } from './tenants/tenant.js';

export const sessionPrompt = [0, 3, 5];
export const endToken = 1;

/** @param changes to a session under `coupled` in mode `pipeline`. */
export function sessionOf(
  changes: Partial<SessionTerms> = {},
  prompt: readonly number[] = sessionPrompt,
  key = 1,
): Session {
  const promptLength = prompt.length;
  const terms: SessionTerms = {
    ...{ scheme: 'coupled', mode: 'pipeline', promptLength, lengthMax: 200, endsAtContext: false },
    ...{ windowMax: 64, cut: null, wantsHints: false, shaping: noShaping, topLogprobs: null },
    endOfText: new Set([endToken]),
    config: { sampling: plainSampling, seed: 1n, promptLength },
    tenant: new Tenant(1, null, unlimited, 0),
    hold: null,
    ...changes,
  };
  const [log, address] = [new TokenLog(prompt), { connection: 1, session: 0 }];
  const session = new Session({ key, terms, log, resumeKey: '00', address }, 0);
  session.sent('opened');
  return session;
}

// Checks pictures by their content before any decoder sees them: small ones at once, others on a
// side thread, one after another.

import { type ErrorCode, PilotfishError } from '../../base/error.js';
import { type PictureHeader, pictureError, pictureLimits } from '../../pictures/picture.js';
import { readPictureHeader } from '../../pictures/picture-header.js';
import { SideThread } from '../../threads/side-thread.js';

/** `refused`: the peer's mistake. */
export type CheckReply =
  | { readonly kind: 'checked'; readonly header: PictureHeader }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly message: string };

/** Read in 2 ms of a slow core, whatever is in it. */
const shortBytes = 64 * 1024;
/** Ten times what the worst file of this size takes. */
const checkMsMax = 2_000;

export class PictureCheck {
  readonly #thread = new SideThread<Uint8Array, CheckReply>({
    ...{ script: new URL('./check-thread.js', import.meta.url), data: null },
    ...{ limitMs: checkMsMax, heapMiB: 64 },
  });
  #turn: Promise<unknown> = Promise.resolve();

  /** @throws PilotfishError as `readPictureHeader`. */
  async headerOf(file: Uint8Array): Promise<PictureHeader> {
    const isLong = file.length > shortBytes && file.length <= pictureLimits.bytes;
    if (!isLong) return readPictureHeader(file);
    const asked = this.#turn.then(() => this.#thread.ask(file, tooExpensive));
    this.#turn = asked.catch(() => undefined);
    const reply = await asked;
    if (reply.kind === 'checked') return reply.header;
    throw new PilotfishError(reply.code, reply.message);
  }

  close(): void {
    void this.#thread.close();
  }
}

const tooExpensive = (what: string): Error => pictureError(`takes ${what} to read`);

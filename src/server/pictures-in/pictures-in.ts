// Collects the pictures of the Opens of one connection before they are prepared: those that are
// known here are not sent again, the server asks for the others, and parts go to their uploads. An
// Open whose pictures do not come is refused.

import { PilotfishError } from '../../base/error.js';
import type { PicturePlace } from '../../pictures/prompt-picture.js';
import type { Open, PicturePart, PictureRef } from '../../protocol/frame.js';
import { limits } from '../../protocol/limits.js';
import { versionOfPictures } from '../../protocol/version.js';
import type { PreparedOpen } from '../core/prepared-open.js';
import { errorOf, type Rendered } from '../preparation/messages.js';
import { placesOf } from '../preparation/picture-places.js';
import type { PreparedPicture } from '../preparation/prepared-picture.js';
import type { Share } from '../shared-bytes.js';
import { type ArrivalParts, PictureArrival, type SeenBefore } from './picture-arrival.js';

export interface PicturesInParts extends Omit<ArrivalParts, 'eyes'> {
  /** null: the server sees none, and asks for none. */
  readonly eyes: SeenBefore | null;
}

/** Prepares an Open whose pictures are here; see Preparation. Never rejects. */
export type PrepareSeen = (
  pictures: readonly PreparedPicture[],
  signal: AbortSignal,
) => PreparedOpen | Promise<PreparedOpen>;

export class PicturesIn {
  readonly #parts: PicturesInParts;
  readonly #arrivals = new Map<number, PictureArrival>();
  #share: Share;

  constructor(parts: PicturesInParts) {
    this.#parts = parts;
    this.#share = this.#newShare();
  }

  /**
   * What becomes of an Open with pictures; at once where they are refused.
   *
   * @param rendered the texts around them, whose places were checked then; null: not made yet.
   * @param version of the connection; 0: it has none yet.
   */
  prepare(
    open: Open,
    rendered: Rendered | null,
    version: number,
    prepare: PrepareSeen,
  ): PreparedOpen | Promise<PreparedOpen> {
    const { eyes } = this.#parts;
    if (version < versionOfPictures) return refused('picture-unseen', tooOld);
    if (eyes === null) return refused('picture-unseen', 'the model takes no pictures here');
    if (this.#arrivals.has(open.session) || this.#arrivals.size >= limits.sessions.value) {
      const message = `pictures of ${this.#arrivals.size} sessions of this connection are awaited`;
      return refused('server-busy', message);
    }
    if (rendered?.kind === 'refused') return { prompt: errorOf(rendered), format: null };
    try {
      const places = rendered === null ? placesOf(open) : open.pictures.map(placeOf);
      return this.#collect(open, places, eyes, prepare);
    } catch (reason) {
      return { prompt: reason as PilotfishError, format: null };
    }
  }

  async #collect(
    open: Open,
    places: readonly PicturePlace[],
    eyes: SeenBefore,
    prepare: PrepareSeen,
  ): Promise<PreparedOpen> {
    const arrival = new PictureArrival(open, places, { ...this.#parts, eyes }, this.#share);
    this.#arrivals.set(open.session, arrival);
    await arrival.begin();
    const made = arrival.error === null ? await prepare(arrival.pictures, arrival.signal) : nothing;
    arrival.end(false);
    this.#arrivals.delete(open.session);
    const isMade = made.prompt !== null && !(made.prompt instanceof PilotfishError);
    return isMade || arrival.error === null ? made : { ...made, prompt: arrival.error };
  }

  /** @returns whether the part is of a session whose pictures are awaited: it needs no other. */
  take(part: PicturePart): boolean {
    const arrival = this.#arrivals.get(part.session);
    arrival?.take(part);
    return arrival !== undefined;
  }

  /** The device has cancelled or closed a session; means nothing to others. */
  cancel(session: number): void {
    const message = 'the session was cancelled before all its pictures were seen';
    this.#arrivals.get(session)?.fail(new PilotfishError('picture-invalid', message));
  }

  /** The connection is gone. What has come of its pictures is kept for a while. */
  end(): void {
    const gone = new PilotfishError('picture-invalid', 'the connection is gone');
    for (const arrival of this.#arrivals.values()) arrival.fail(gone);
    this.#arrivals.clear();
  }

  #newShare(): Share {
    return this.#parts.uploads.share(() => {
      const message = 'pictures that are on their way leave no room, and this connection has most';
      const full = new PilotfishError('server-busy', message);
      for (const arrival of this.#arrivals.values()) arrival.fail(full);
      this.#share = this.#newShare();
    });
  }
}

/** As the wire counts; the texts are cut there already. */
const placeOf = ({ message, at }: PictureRef): PicturePlace => ({ message, at });

const tooOld = `pictures need version ${versionOfPictures} of the protocol on this connection`;

const nothing: PreparedOpen = { prompt: null, format: null };
const refused = (code: 'picture-unseen' | 'server-busy', message: string): PreparedOpen => ({
  prompt: new PilotfishError(code, message),
  format: null,
});

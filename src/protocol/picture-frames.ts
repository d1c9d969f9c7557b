// Defines what frames say of pictures in prompts, from version 5 on.

/** A picture in a prompt, by its content. */
export interface PictureRef {
  /** [32] SHA-256 of its file. */
  readonly hash: Uint8Array;
  /** Length of the file, >= 1. */
  readonly bytes: number;
  /** Index of its message. */
  readonly message: number;
  /** It comes before this byte of the message's content. */
  readonly at: number;
}

/** From version 5. Bytes of a picture of a session that is being opened. */
export interface PicturePart {
  readonly kind: 'picture-part';
  readonly session: number;
  /** In Open.pictures. */
  readonly index: number;
  /** Position of data[0] in the file. */
  readonly offset: number;
  /** [n >= 1] */
  readonly data: Uint8Array;
}

/** Tokens of an image in a prompt: ids that follow each other, beyond every vocabulary. */
export interface ImageSpan {
  /** Position of the first. */
  readonly from: number;
  /** >= 1 */
  readonly count: number;
  /** In [2^30, 2^31 - count]. */
  readonly firstId: number;
}

/** From version 5. The server needs bytes of pictures before it answers Open. */
export interface PicturesWanted {
  readonly kind: 'pictures-wanted';
  readonly session: number;
  /** [n >= 1] */
  readonly wanted: readonly PictureWant[];
}

/** What is missing of a picture: all from `offset` on. */
export interface PictureWant {
  /** In Open.pictures. */
  readonly index: number;
  readonly offset: number;
}

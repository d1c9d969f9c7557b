// A picture within the messages of a prompt: what the HTTP API, the wire and the command share.

/** Where a picture stands in a chat. */
export interface PicturePlace {
  /** Index of its message. */
  readonly message: number;
  /** Place in the message's text, in UTF-16 units: it comes before the letter there. */
  readonly at: number;
}

/** A picture in a chat. */
export interface PromptPicture extends PicturePlace {
  /** Of its file: PNG, JPEG or WebP, checked by content but not decoded. */
  readonly bytes: Uint8Array;
}

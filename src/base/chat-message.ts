// Describes a message of a chat, as callers, the wire and chat templates pass it on.

/** A message of a chat. */
export interface ChatMessage {
  /** `system`, `user` or `assistant`. The wire carries any text; `renderChat` refuses the rest. */
  readonly role: string;
  readonly content: string;
}

// What carries frames: whole messages, in order, both ways, until one end closes. Knows no frame. Implementations:
// memory (tests) and WebSocket (shells); transport.suite.ts holds each to this contract.

/** How a connection ended. */
export interface TransportEnd {
  /** WebSocket close code: 1000 done, 1006 lost without a word, 4001 to 4099 as code.ts. */
  readonly code: number;
  /** At most 123 bytes of UTF-8; may be empty. */
  readonly reason: string;
}

/** Hears of what arrives over a transport. */
export interface TransportListener {
  /** One whole message; the receiver owns the bytes. */
  message(bytes: Uint8Array): void;
  /** Called once, last: no message comes after it. */
  closed(end: TransportEnd): void;
}

/**
 * One end of a connection that is open when it is handed over. Messages arrive whole, once, in the order sent; those
 * sent before `close` arrive before it. No method throws, waits, or calls the listener before it returns.
 */
export interface Transport {
  /** Bytes given to `send` that the network has not taken yet: backpressure. A sender decides what to do about it. */
  readonly bufferedBytes: number;

  /** Called once. What came before waits for it. */
  listen(listener: TransportListener): void;

  /** Sends one message, which may be empty. Dropped without a word once either end has closed. */
  send(bytes: Uint8Array): void;

  /**
   * Ends both directions; the listeners of both ends hear of it. Closing twice does nothing.
   *
   * @param reason cut to 123 bytes.
   */
  close(code: number, reason: string): void;
}

/** Bytes a close frame has for its reason. */
export const closeReasonBytesMax = 123;
/** Done, nothing wrong. */
export const closeNormal = 1000;
/** The link was lost: nobody said anything. */
export const closeLost = 1006;

// Defines the carrier of frames: whole messages, in order, both directions, until one end closes.
// Knows no frame. Implementations: memory (tests) and WebSocket (shells); transport.suite.ts tests
// both against this contract.

/** How a connection ended. */
export interface TransportEnd {
  /**
   * WebSocket close code: 1000 done, 1006 lost without a close frame, 4001 to 4099 as in code.ts.
   */
  readonly code: number;
  /** At most 123 bytes of UTF-8; may be empty. */
  readonly reason: string;
}

/** Receives the events of a transport. */
export interface TransportListener {
  /** One whole message; the receiver owns the bytes. */
  message(bytes: Uint8Array): void;
  /** Called once, last: no message comes after it. */
  closed(end: TransportEnd): void;
}

/**
 * One end of an open connection. Messages arrive whole, once, in the order sent; messages sent
 * before `close` arrive before it. No method throws, waits, or calls the listener before it
 * returns.
 */
export interface Transport {
  /**
   * Bytes given to `send` that the network has not taken yet: backpressure. The sender decides how
   * to react.
   */
  readonly bufferedBytes: number;

  /** Called once. Earlier events wait for it. */
  listen(listener: TransportListener): void;

  /** Sends one message, which may be empty. Dropped silently once either end has closed. */
  send(bytes: Uint8Array): void;

  /**
   * Ends both directions; the listeners of both ends are told. Closing twice does nothing.
   *
   * @param reason cut to 123 bytes.
   */
  close(code: number, reason: string): void;
}

/** Bytes a close frame has for its reason. */
export const closeReasonBytesMax = 123;
/** Normal end. */
export const closeNormal = 1000;
/** The link was lost without a close frame. */
export const closeLost = 1006;

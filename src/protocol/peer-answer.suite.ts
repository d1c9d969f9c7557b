// Describes a server's reply to bytes of a peer, in the short form that tests of hostile bytes
// compare.

import assert from 'node:assert/strict';
import { decodeDeviceFrame, decodeServerFrame } from './codec.js';

const decoders = { device: decodeDeviceFrame, server: decodeServerFrame };
export type Sender = keyof typeof decoders;

/** The reply to bytes: `code` or `code session`. */
export function answer(sender: Sender, bytes: Uint8Array): string {
  const decoded = decoders[sender](bytes);
  if ('ok' in decoded) return 'ok';
  const { code, session, message } = decoded.fault;
  assert.ok(message.length > 0 && message.length < 300, message);
  return session === null ? code : `${code} ${session}`;
}

/** Bytes of hex with or without spaces. */
export const hex = (text: string): Uint8Array =>
  new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));

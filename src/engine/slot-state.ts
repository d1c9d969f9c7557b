// Packs a saved slot into bytes: its token log before the model's own cache bytes, with a checksum
// over both, because the model trusts its input.

/** "PFS1" */
const magic = 0x31534650;
const headerBytes = 12;

/**
 * @param tokens [length]
 * @param cache the model's bytes.
 * @returns magic, checksum, token count (u32 little endian each), tokens (i32), cache.
 */
export function packState(tokens: Int32Array, cache: Uint8Array): Uint8Array {
  const out = new Uint8Array(headerBytes + tokens.length * 4 + cache.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, magic, true);
  view.setUint32(8, tokens.length, true);
  tokens.forEach((token, index) => {
    view.setInt32(headerBytes + index * 4, token, true);
  });
  out.set(cache, headerBytes + tokens.length * 4);
  view.setUint32(4, checksum(out.subarray(8)), true);
  return out;
}

/** The parts given to `packState`, or null if the bytes are damaged. */
export function unpackState(
  state: Uint8Array,
): { readonly tokens: Int32Array; readonly cache: Uint8Array } | null {
  if (state.length < headerBytes) return null;
  const view = new DataView(state.buffer, state.byteOffset, state.byteLength);
  if (view.getUint32(0, true) !== magic) return null;
  const count = view.getUint32(8, true);
  const cacheFrom = headerBytes + count * 4;
  if (cacheFrom > state.length) return null;
  if (view.getUint32(4, true) !== checksum(state.subarray(8))) return null;
  const tokens = new Int32Array(count);
  for (let index = 0; index < count; index++) {
    tokens[index] = view.getInt32(headerBytes + index * 4, true);
  }
  return { tokens, cache: state.subarray(cacheFrom) };
}

/**
 * FNV-1a over 32-bit words, the last one padded with zeros. Detects damage, not attacks: saved
 * states never leave the process that made them.
 */
function checksum(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wholeWords = bytes.length >> 2;
  let hash = 0x811c9dc5;
  for (let word = 0; word < wholeWords; word++) {
    hash = Math.imul(hash ^ view.getInt32(word * 4, true), 0x01000193);
  }
  for (let index = wholeWords * 4; index < bytes.length; index++) {
    hash = Math.imul(hash ^ bytes[index]!, 0x01000193);
  }
  return hash >>> 0;
}

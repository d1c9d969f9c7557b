// The thread that decodes long frames, compiles schemas and renders chats, which are of a peer's
// size and making.

import { workerData } from 'node:worker_threads';
import { PilotfishError } from '../../base/error.js';
import { compiledSchema } from '../../grammar/compiled-schema.js';
import type { PicturePlace } from '../../pictures/prompt-picture.js';
import { decodeDeviceFrame } from '../../protocol/codec.js';
import type { Open, Prompt } from '../../protocol/frame.js';
import { serveSide } from '../../threads/serve-side.js';
import type {
  BytesPiece,
  DecodedAside,
  Refused,
  Rendered,
  ThreadModel,
  ThreadReply,
  ThreadRequest,
} from './messages.js';
import { placesOf } from './picture-places.js';
import { promptText, type TextPrompt, type TextTerms } from './prompt-text.js';

const { writable, bosText, eosText, longestTokenBytes, ...model } = workerData as ThreadModel;
const bytes = new Set(writable);
const [bos, eos] = [0, 1];
const terms: TextTerms = {
  ...model,
  vocabulary: {
    longestTokenBytes,
    bos: bosText === null ? null : bos,
    eos: eosText === null ? null : eos,
    tokenText: (token: number) => (token === bos ? bosText : eosText) ?? '',
  },
};
const encoder = new TextEncoder();

function render(prompt: TextPrompt, places: () => readonly PicturePlace[]): Rendered {
  return orRefused(() => {
    const { pieces, order } = promptText(prompt, places(), terms);
    const encoded = pieces.map(
      ({ text, options }): BytesPiece => ({ utf8: encoder.encode(text), options }),
    );
    return { kind: 'text', text: { pieces: encoded, order } };
  });
}

const empty: { readonly [Kind in TextPrompt['kind']]: Prompt } = {
  text: { kind: 'text', text: '' },
  messages: { kind: 'messages', messages: [] },
};

function decode(message: Uint8Array): DecodedAside {
  const decoded = decodeDeviceFrame(message);
  const open: Open | null = 'ok' in decoded && decoded.ok.kind === 'open' ? decoded.ok : null;
  if (open === null || open.prompt.kind === 'ids')
    return { kind: 'decoded', decoded, prompt: null };
  const prompt = render(open.prompt, () => (open.pictures.length === 0 ? [] : placesOf(open)));
  return { kind: 'decoded', decoded: { ok: { ...open, prompt: empty[open.prompt.kind] } }, prompt };
}

function orRefused<T>(make: () => T): T | Refused {
  try {
    return make();
  } catch (reason) {
    if (!(reason instanceof PilotfishError)) throw reason;
    const { code, message } = reason;
    return { kind: 'refused', code, message };
  }
}

function answer(request: ThreadRequest): ThreadReply {
  switch (request.kind) {
    case 'compile':
      return orRefused(() => ({
        kind: 'compiled',
        schema: compiledSchema(request.schema, bytes),
      }));
    case 'render':
      return render(request.prompt, () => request.places);
    case 'decode':
      return decode(request.bytes);
  }
}

/** Memory of a reply that is handed over, not copied. */
function movedIn(reply: ThreadReply): ArrayBuffer[] {
  if (reply.kind === 'text') return reply.text.pieces.map(({ utf8 }) => utf8.buffer);
  if (reply.kind !== 'decoded') return [];
  if (reply.prompt !== null) return movedIn(reply.prompt);
  const { decoded } = reply;
  const frame = 'ok' in decoded ? decoded.ok : null;
  const isIds = frame?.kind === 'open' && frame.prompt.kind === 'ids';
  return isIds ? [(frame.prompt as { ids: Int32Array<ArrayBuffer> }).ids.buffer] : [];
}

serveSide(answer, movedIn);

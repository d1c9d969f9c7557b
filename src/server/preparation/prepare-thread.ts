// The thread that compiles schemas and renders chats, which are of a peer's size and making.

import { workerData } from 'node:worker_threads';
import { PilotfishError } from '../../base/error.js';
import { renderChat } from '../../engine/chat-template.js';
import { compiledSchema } from '../../grammar/compiled-schema.js';
import { serveSide } from '../../threads/serve-side.js';
import type { ThreadModel, ThreadReply, ThreadRequest } from './messages.js';

const { writable, chatTemplate, bosText, eosText } = workerData as ThreadModel;
const bytes = new Set(writable);
const [bos, eos] = [0, 1];
const special = {
  bos: bosText === null ? null : bos,
  eos: eosText === null ? null : eos,
  tokenText: (token: number) => (token === bos ? bosText : eosText) ?? '',
};

serveSide((request: ThreadRequest): ThreadReply => {
  try {
    return request.kind === 'compile'
      ? { kind: 'compiled', schema: compiledSchema(request.schema, bytes) }
      : { kind: 'rendered', text: renderChat(chatTemplate, request.messages, special) };
  } catch (reason) {
    if (!(reason instanceof PilotfishError)) throw reason;
    const { code, message } = reason;
    return { kind: 'refused', code, message };
  }
});

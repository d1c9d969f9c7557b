// Where a door may listen: on this machine alone, or on the network with keys and TLS. Open doors of this kind are found
// and used within hours (Ollama, January 2026: 175 000 of them), so the way to one is a flag that says what it is.

import { PilotfishError } from '../base/error.js';
import { isLoopbackHost } from './address.js';

export interface BindRequest {
  /** Name or address to listen on. */
  readonly host: string;
  readonly hasKeys: boolean;
  readonly hasTls: boolean;
  /** The operator has said so in as many words. */
  readonly insecureOpenToNetwork: boolean;
  /** What would have to be given, in the caller's words: of the keys, and of TLS. */
  readonly remedies?: { readonly keys: string; readonly tls: string };
}

const libraryWords = { keys: 'keys', tls: 'tls' };

/** @throws PilotfishError `usage` where the network could reach a door without keys or without TLS. */
export async function checkBind(request: BindRequest): Promise<void> {
  const { host, hasKeys, hasTls, insecureOpenToNetwork, remedies = libraryWords } = request;
  if (insecureOpenToNetwork || (hasKeys && hasTls) || (await isLoopbackHost(host))) return;
  const missing = [...(hasKeys ? [] : [remedies.keys]), ...(hasTls ? [] : [remedies.tls])];
  throw new PilotfishError(
    'usage',
    `${host} can be reached from the network, which needs ${missing.join(' and ')}, or insecureOpenToNetwork`,
  );
}

// Decides where a server may listen: on this machine alone, or on the network with keys and TLS.
// Open servers of this kind are found and abused within hours (Ollama, January 2026: 175 000 of
// them), so opening one takes a flag that says so.

import { PilotfishError } from '../base/error.js';
import { isLoopbackHost } from './address.js';

export interface BindRequest {
  /** Name or address to listen on. */
  readonly host: string;
  readonly hasKeys: boolean;
  readonly hasTls: boolean;
  /** The operator has said so in as many words. */
  readonly insecureOpenToNetwork: boolean;
  /** The options that would allow it, in the caller's words: for keys, and for TLS. */
  readonly remedies?: { readonly keys: string; readonly tls: string };
}

const libraryWords = { keys: 'keys', tls: 'tls' };

/**
 * @throws PilotfishError `usage` where the network could reach a server without keys or without
 *   TLS.
 */
export async function checkBind(request: BindRequest): Promise<void> {
  const { host, hasKeys, hasTls, insecureOpenToNetwork, remedies = libraryWords } = request;
  if (insecureOpenToNetwork || (hasKeys && hasTls) || (await isLoopbackHost(host))) return;
  const missing = [...(hasKeys ? [] : [remedies.keys]), ...(hasTls ? [] : [remedies.tls])];
  throw new PilotfishError(
    'usage',
    `${host} can be reached from the network, which needs ${missing.join(' and ')}, or insecureOpenToNetwork`,
  );
}

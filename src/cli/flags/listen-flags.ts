// The flags that say who may use a door and over what: of the server's port, and of a device's HTTP door. Opens what they
// name, and has it read again on SIGHUP.

import { Option } from 'commander';
import { Access, checkBind, FileKeyRing, TlsFiles } from '../../access/index.js';
import { PilotfishError } from '../../base/error.js';
import { flag } from '../flags/flags.js';
import { defaultKeysPath } from '../flags/keys-path.js';
import type { Terminal } from '../screen/terminal.js';
import { noteTo } from '../screen/text-view.js';

/** What the flags of one door come to. */
export interface ListenOptions {
  readonly host: string;
  /** True: the usual file. */
  readonly keys?: string | true;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsClientCa?: string;
  readonly origins: readonly string[];
  readonly insecureOpenToNetwork?: boolean;
}

/** Names of a door's flags, for messages; a device's door has its own. */
type Prefix = '--' | '--http-';

/** `--keys` and those of TLS. */
export function listenFlagsOf(prefix: Prefix): Option[] {
  return [
    flag(`${prefix}keys [file]`, 'ask for a key of this file, made by `pilotfish keys create`'),
    flag(`${prefix}tls-cert <file>`, 'certificate in PEM form, with those that signed it'),
    flag(`${prefix}tls-key <file>`, 'its private key'),
    flag(
      `${prefix}tls-client-ca <file>`,
      'ask clients for certificates that this one has signed, beside their keys',
    ),
  ];
}

export const insecureFlag = (): Option =>
  flag(
    '--insecure-open-to-network',
    'listen beyond this machine without keys or without TLS: whoever reaches the port may use it, or read along',
  );

/** A key on the command line is read by everybody on the machine, so there is no flag that takes one. */
export function noKeyFlag(name: string, remedy: string): Option {
  return new Option(`${name} <key>`).hideHelp().argParser(() => {
    const why = 'everybody on this machine can read a command line';
    throw new PilotfishError('usage', `${name} is not taken: ${why}; ${remedy}`);
  });
}

/** A door that is open. */
export interface OpenAccess {
  readonly access: Access;
  readonly tls: TlsFiles | null;
  close(): void;
}

/**
 * Checks where a door may listen, and reads its keys and certificate.
 *
 * @throws PilotfishError `usage`.
 */
export async function openAccessOf(
  options: ListenOptions,
  prefix: Prefix,
  terminal: Terminal,
): Promise<OpenAccess> {
  const { host, keys, tlsCert, tlsKey, tlsClientCa = null, origins } = options;
  checkPairs(options, prefix);
  await checkBind({
    host,
    hasKeys: keys !== undefined,
    hasTls: tlsCert !== undefined,
    insecureOpenToNetwork: options.insecureOpenToNetwork === true,
    remedies: { keys: `${prefix}keys`, tls: `${prefix}tls-cert with ${prefix}tls-key` },
  });
  const note = noteTo(terminal);
  const keysPath = keys === true ? defaultKeysPath(terminal.env) : keys;
  const ring = keysPath === undefined ? null : new FileKeyRing(keysPath, { note });
  let tls: TlsFiles | null = null;
  try {
    if (tlsCert !== undefined && tlsKey !== undefined) {
      tls = new TlsFiles({ cert: tlsCert, key: tlsKey, clientCa: tlsClientCa }, { note });
    }
  } catch (reason) {
    ring?.close();
    throw reason;
  }
  const endReload = onHangUp(terminal, ring, tls);
  return {
    access: new Access({ keys: ring, origins }),
    tls,
    close: () => {
      endReload();
      ring?.close();
      tls?.close();
    },
  };
}

/** Where nothing can be read again the signal ends the command, as it does any other. */
function onHangUp(terminal: Terminal, ring: FileKeyRing | null, tls: TlsFiles | null): () => void {
  const nothing = (): void => undefined;
  if (ring === null && tls === null) return nothing;
  const reload = (): void => {
    ring?.reload();
    tls?.reload();
  };
  return terminal.onHangUp?.(reload) ?? nothing;
}

function checkPairs({ tlsCert, tlsKey, tlsClientCa }: ListenOptions, prefix: Prefix): void {
  const usage = (message: string): PilotfishError => new PilotfishError('usage', message);
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw usage(`${prefix}tls-cert and ${prefix}tls-key go together`);
  }
  if (tlsClientCa !== undefined && tlsCert === undefined) {
    throw usage(`${prefix}tls-client-ca needs ${prefix}tls-cert and ${prefix}tls-key`);
  }
}

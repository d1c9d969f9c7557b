// Lists the errors that come from outside: bad input, bad files, a failing network or machine.
// Never our own mistakes (assert.ts). Every code has a meaning, a remedy, an HTTP status and an
// exit code.

/** The meaning of one code of PilotfishError. */
export interface ErrorEntry {
  /** One sentence: what happened. */
  readonly meaning: string;
  /** One sentence: how the user can fix it. */
  readonly remedy: string;
  readonly httpStatus: number;
  /** Exit code of a command. 1: failed, 2: usage, 3: model or engine, 4: link. */
  readonly exitCode: 1 | 2 | 3 | 4;
  /** Whether the same call may succeed later without a change. */
  readonly retryable: boolean;
}

type ErrorFacts = readonly [
  httpStatus: number,
  exitCode: ErrorEntry['exitCode'],
  again: 'retry' | 'final',
];

const entry = (
  [httpStatus, exitCode, again]: ErrorFacts,
  meaning: string,
  remedy: string,
): ErrorEntry => ({ meaning, remedy, httpStatus, exitCode, retryable: again === 'retry' });

/** Every code that a PilotfishError may carry. */
export const errorTable = {
  usage: entry(
    [400, 2, 'final'],
    'The command line or a setting is wrong.',
    'Run the command with --help to see what it takes.',
  ),
  cancelled: entry([499, 1, 'retry'], 'The caller stopped the work.', 'Nothing to do.'),
  'prompt-empty': entry(
    [400, 2, 'final'],
    'The prompt has no tokens.',
    'Write some text as the prompt.',
  ),
  'prompt-too-long': entry(
    [400, 2, 'final'],
    'Prompt and answer do not fit the context.',
    'Shorten the prompt or raise the context size.',
  ),
  'context-exhausted': entry(
    [400, 3, 'final'],
    'The sequence has reached the end of its context.',
    'Raise the context size or end the text earlier.',
  ),
  'token-out-of-range': entry(
    [400, 2, 'final'],
    'A token id lies outside the vocabulary.',
    'Tokenise with the same model that the engine loaded.',
  ),
  'sampling-invalid': entry(
    [400, 2, 'final'],
    'A sampling parameter is outside its range.',
    'Choose a value within the range that the message names.',
  ),
  'format-invalid': entry(
    [400, 2, 'final'],
    'The requested format of the answer cannot be followed.',
    'Change the schema where the message says.',
  ),
  'picture-invalid': entry(
    [400, 2, 'final'],
    'A picture is damaged, empty, mislabelled or not sent as data.',
    'Save it again as PNG, JPEG or WebP, and send its bytes.',
  ),
  'picture-unsupported': entry(
    [400, 2, 'final'],
    'A picture is of a kind that is not read.',
    'Save it as PNG, JPEG or WebP: one frame, 8 bits a colour, grey or RGB.',
  ),
  'picture-too-large': entry(
    [400, 2, 'final'],
    'A picture, or all pictures of a request, exceed their limits.',
    'Scale it down, or send fewer.',
  ),
  'picture-unseen': entry(
    [400, 2, 'final'],
    'The model takes no pictures.',
    'Leave the pictures out, or ask a server whose model has eyes.',
  ),
  'picture-decoder-missing': entry(
    [500, 3, 'final'],
    'The package that decodes pictures is not installed.',
    'Run the command that the message names.',
  ),
  'segment-invalid': entry(
    [400, 3, 'final'],
    'A batch segment does not continue its sequence or exceeds a limit.',
    'Roll the slot back or send the missing tokens.',
  ),
  'model-not-found': entry(
    [404, 3, 'final'],
    'There is no model file at the path.',
    'Check the path; `pilotfish models` lists what is here.',
  ),
  'model-not-gguf': entry(
    [400, 3, 'final'],
    'The file is not a GGUF model.',
    'Convert it to GGUF, or pick a .gguf file.',
  ),
  'model-truncated': entry(
    [400, 3, 'final'],
    'The model file is shorter than its header says.',
    'Download it again.',
  ),
  'model-malformed': entry(
    [400, 3, 'final'],
    'The GGUF header contradicts itself or is outside sane bounds.',
    'Download it again from a source you trust.',
  ),
  'model-unsupported': entry(
    [400, 3, 'final'],
    'The engine cannot run this kind of model.',
    'Use a decoder-only text model that llama.cpp supports and that can roll its cache back.',
  ),
  'model-too-large': entry(
    [507, 3, 'final'],
    'The model does not fit the memory of this machine.',
    'Use a smaller or more strongly quantised file.',
  ),
  'context-too-large': entry(
    [507, 3, 'final'],
    'The context does not fit the model or the memory.',
    'Lower the context size, the number of slots, or quantise the cache.',
  ),
  'vocabulary-mismatch': entry(
    [400, 3, 'final'],
    'Draft and target do not share one vocabulary.',
    'Use a draft model of the same family as the target, or --draft suffix with --vocab FILE, a model of that family.',
  ),
  'exit-head-mismatch': entry(
    [400, 3, 'final'],
    'The file is no exit head, or one of another target.',
    'Use a head made for this target, the number of a layer for the untrained exit, or no exit.',
  ),
  'eyes-mismatch': entry(
    [400, 3, 'final'],
    'The file is no image encoder, or one of another target.',
    'Use the mmproj file that was made with this target.',
  ),
  'library-not-found': entry(
    [500, 3, 'final'],
    'The llama.cpp library was not found.',
    'Install the platform package or set LLAMA_LIB_DIR; see `pilotfish doctor`.',
  ),
  'library-incompatible': entry(
    [500, 3, 'final'],
    'The llama.cpp library is not the version that this build needs.',
    'Install the version named in the message.',
  ),
  'chat-template-failed': entry(
    [400, 3, 'final'],
    "The model's chat template cannot render these messages.",
    'Check the roles and their order, or send a plain prompt.',
  ),
  'engine-failed': entry(
    [500, 3, 'retry'],
    'llama.cpp reported a failure.',
    'Read the message; lower batch or context size if memory is short.',
  ),
  'engine-closed': entry([503, 3, 'final'], 'The engine has been closed.', 'Load the model again.'),
  'server-unreachable': entry(
    [503, 4, 'retry'],
    'No server answers at the address.',
    'Check the address and that `pilotfish serve` runs there.',
  ),
  'address-unavailable': entry(
    [503, 4, 'retry'],
    'The address to listen on is not available.',
    'Choose another host or port, or stop the program that uses it.',
  ),
  'link-lost': entry(
    [503, 4, 'retry'],
    'The connection to the server was lost and the fallback policy says to stop.',
    'Try again, or choose another --fallback or longer --away-seconds.',
  ),
  'server-busy': entry(
    [503, 4, 'retry'],
    'The server has no room now.',
    'Try again in a while, or ask another server.',
  ),
  'quota-exceeded': entry(
    [429, 4, 'retry'],
    'The key has used up its quota.',
    'Wait as long as the server says, or ask its operator for more.',
  ),
  'server-refused': entry(
    [502, 4, 'final'],
    'The server refuses the connection or the session.',
    'Read the reason in the message.',
  ),
  'protocol-violated': entry(
    [502, 4, 'final'],
    'The other end sent what the protocol does not allow.',
    'Run the same version of pilotfish on both ends.',
  ),
  'download-failed': entry(
    [502, 4, 'retry'],
    'A download did not complete.',
    'Run the command again; it resumes where it stopped.',
  ),
  'checksum-mismatch': entry(
    [502, 4, 'final'],
    'A file does not have its published checksum.',
    'Delete the file and download it again.',
  ),
} as const satisfies Record<string, ErrorEntry>;

/** Names what went wrong: a key of `errorTable`. */
export type ErrorCode = keyof typeof errorTable;

/**
 * An error caused from outside this package, with a code of a closed list. Mistakes of this package
 * are failed assertions instead.
 *
 * @example
 * ```ts
 * import { loadLlamaEngine, PilotfishError } from 'pilotfish';
 *
 * try {
 *   await loadLlamaEngine({ modelPath: 'missing.gguf' });
 * } catch (error) {
 *   if (!(error instanceof PilotfishError)) throw error;
 *   error.code; // = 'model-not-found'
 *   error.retryable; // = false
 * }
 * ```
 */
export class PilotfishError extends Error {
  override readonly name = 'PilotfishError';
  readonly code: ErrorCode;
  /** After how long the same call may succeed; 0: unknown. */
  readonly retryAfterMs: number;

  /**
   * @param message names the value and the bound it broke. The caller that prints it adds the
   *   remedy.
   */
  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; retryAfterMs?: number } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.retryAfterMs = options.retryAfterMs ?? 0;
  }

  get entry(): ErrorEntry {
    return errorTable[this.code];
  }

  get retryable(): boolean {
    return this.entry.retryable;
  }
}

/** Wraps a foreign error in ours. A PilotfishError passes through unchanged. */
export function toPilotfishError(reason: unknown, code: ErrorCode): PilotfishError {
  if (reason instanceof PilotfishError) return reason;
  const message = reason instanceof Error ? reason.message : String(reason);
  return new PilotfishError(code, message, { cause: reason });
}

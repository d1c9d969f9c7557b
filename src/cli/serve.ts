// Defines `pilotfish serve`: loads a target model and verifies devices' drafts until it is stopped.
// One line on stdout says that it is ready and where; everything else goes to stderr.

import type { Command, Option } from 'commander';
import type { HttpApi } from '../api/index.js';
import { checkModelFile } from '../engine/gguf/model-file.js';
import type { ImageEncoder, LlamaEngine, LlamaOptions } from '../engine/llama/index.js';
import { contextLengthDefaultMax } from '../engine/llama/options.js';
import { limits } from '../protocol/limits.js';
import {
  type Batching,
  defaultPort,
  type LocalServer,
  type RunningServer,
  startServer,
} from '../server/index.js';
import { exitChoiceOf, exitHeadFlag, exitText } from './flags/exit-head.js';
import { type EyesOptions, eyesFlags, startEyes } from './flags/eyes-flags.js';
import { addGroup, flag, oneOfNames, usageError, wholeNumber } from './flags/flags.js';
import { type HttpOptions, httpFlags, internalErrorNote } from './flags/http-flags.js';
import { givenLimits, limitFlags } from './flags/limit-flags.js';
import {
  insecureFlag,
  type ListenOptions,
  listenFlagsOf,
  noKeyFlag,
  type OpenAccess,
  openAccessOf,
} from './flags/listen-flags.js';
import {
  type LoadOptions,
  loadFlags,
  loadSettings,
  modelFlag,
  warnOfLongContext,
} from './flags/model-flags.js';
import { serverUrl } from './flags/server-address.js';
import {
  type ChosenDrafters,
  type ServerDraftOptions,
  serverDraftFlags,
  serverDraftsOf,
} from './flags/server-draft-flags.js';
import { type ShapingOptions, shapingFlags, shapingOf } from './flags/shaping-flags.js';
import { closeEngines, type EnginePair, loadPair, pollBeside } from './generation/engines.js';
import { keepMemorySmall } from './memory/memory-keeper.js';
import { resolveDraft, resolveModel } from './models/model-name.js';
import { packageVersion } from './package-root.js';
import { formatCount, formatDuration } from './screen/numbers.js';
import { type Exit, type Terminal, whenAborted } from './screen/terminal.js';
import { noteTo } from './screen/text-view.js';
import { visible } from './screen/visible.js';

const description = `Serves a target model to devices that draft for it. The drafts of many devices are verified in one batch. Clients without a draft model get their text from the same batches, over the same protocol or over OpenAI's HTTP API: /v1/chat/completions, /v1/completions, /v1/models, and /metrics.

  pilotfish serve -m stories-target --slots 8
  pilotfish serve -m stories-target --host 0.0.0.0 --keys --tls-cert cert.pem --tls-key key.pem
  curl localhost:7433/v1/completions -H 'content-type: application/json' -d '{"model":"stories-target","prompt":"The old clock","max_tokens":40}'
  pilotfish top

It listens on this machine only. --host changes that and needs keys (see pilotfish help keys) and TLS. Ctrl-C lets running answers finish for a few seconds; a second Ctrl-C ends it at once.`;

interface ServeOptions
  extends Omit<ListenOptions, 'origins'>,
    LoadOptions,
    HttpOptions,
    ShapingOptions,
    EyesOptions,
    ServerDraftOptions {
  readonly model: string;
  readonly port: number;
  readonly slots: number;
  readonly batchSize?: number;
  readonly batching: Batching['kind'];
  readonly staticCount: number;
  readonly staticWait: number;
  readonly connections: number;
  readonly sessions: number;
  readonly tokenMs: number;
  readonly swapMib: number;
  readonly sharePrefixesAcrossKeys?: boolean;
  readonly resumeSeconds: number;
  readonly alternative: readonly string[];
  readonly deterministic?: boolean;
  readonly exitHead?: string;
}

export function addServe(program: Command, terminal: Terminal, exit: Exit): void {
  const command = program
    .command('serve')
    .summary('serve a target model to drafting devices')
    .description(description);
  addGroup(command, 'Models', [modelFlag(), exitHeadFlag(), ...eyesFlags(), ...loadFlags()]);
  addGroup(command, 'Drafts of the server', serverDraftFlags());
  addGroup(command, 'Server', listenFlags());
  addGroup(command, 'Access', [...listenFlagsOf('--'), insecureFlag()]);
  command.addOption(noKeyFlag('--api-key', 'use --keys with `pilotfish keys create`'));
  addGroup(command, 'Limits for keys without limits of their own', limitFlags());
  addGroup(command, 'Traffic shaping', shapingFlags('messages of every session'));
  addGroup(command, 'HTTP', httpFlags());
  addGroup(command, 'Batches', batchFlags());
  command.action(async () => {
    await serve(command.opts<ServeOptions>(), terminal);
    exit(0);
  });
}

function listenFlags() {
  return [
    flag('--host <address>', 'address to listen on').default('127.0.0.1'),
    flag('--port <n>', 'port; 0 picks a free one', wholeNumber(0, 65_535)).default(defaultPort),
    alternativeFlag(),
    flag('--connections <n>', 'most connections at once', wholeNumber(1, 65_536)).default(1024),
    flag('--sessions <n>', 'most sessions at once', wholeNumber(1, 1_048_576)).default(4096),
    flag(
      '--resume-seconds <n>',
      'how long a session waits for its device after the connection is lost',
      wholeNumber(0, 86_400),
    ).default(60),
  ];
}

function alternativeFlag(): Option {
  const option = flag(
    '--alternative <url>',
    'server with the same model that devices use when this one stops; repeatable',
  );
  option.default([], 'none: devices return to this one');
  return option.argParser((url: string, before: readonly string[]) => {
    const { value: max } = limits.alternatives;
    if (before.length < max) return [...before, serverUrl(url, '--alternative')];
    throw usageError(`--alternative may be given at most ${max} times`);
  });
}

function batchFlags() {
  return [
    flag(
      '-np, --slots <n>',
      'sessions with a cache at once; more sessions take turns',
      wholeNumber(1, 256),
    ).default(8),
    flag('-b, --batch-size <n>', 'most tokens in a pass', wholeNumber(1, 2048)),
    flag(
      '--batching <kind>',
      'continuous, or static as in SLED: wait for a full batch and pad it',
      oneOfNames(['continuous', 'static']),
    ).default('continuous'),
    flag('--static-count <n>', 'requests in a static batch', wholeNumber(1, 256)).default(8),
    flag('--static-wait <ms>', 'longest wait for a static batch', wholeNumber(0, 60_000)).default(
      50,
    ),
    flag(
      '--token-ms <n>',
      'refuse new sessions when a token would take longer than this',
      wholeNumber(1, 3_600_000),
    ).default(10_000),
    flag(
      '--swap-mib <n>',
      'memory for caches of idle sessions and finished chats; 0 recomputes them',
      wholeNumber(0, 1_048_576),
    ).default(1024),
    flag(
      '--share-prefixes-across-keys',
      'keep one cache of a prompt for all keys: saves memory and time, and lets each key guess the prompts of others by time',
    ),
    flag('--deterministic', 'compute bit-identical logits in every batch; no gain from batching'),
  ];
}

async function serve(options: ServeOptions, terminal: Terminal): Promise<void> {
  // First, because its errors show at once and loading a model takes time.
  const access = await openAccessOf({ ...options, origins: options.httpOrigin }, '--', terminal);
  try {
    await serveWith(access, options, terminal);
  } finally {
    access.close();
  }
}

async function serveWith(
  access: OpenAccess,
  options: ServeOptions,
  terminal: Terminal,
): Promise<void> {
  const drafts = serverDraftsOf(options);
  const target = await engineOptions(options, terminal);
  const draft =
    drafts.model === null ? null : await draftOptions(drafts.model, target, options, terminal);
  const eyes = await startEyes(options, target.modelPath, terminal.env);
  try {
    await serveModels(access, options, terminal, { target, draft, drafts, eyes });
  } finally {
    await eyes?.close();
  }
}

interface ServedModels {
  readonly target: LlamaOptions;
  readonly draft: LlamaOptions | null;
  readonly drafts: ChosenDrafters;
  readonly eyes: ImageEncoder | null;
}

async function serveModels(
  access: OpenAccess,
  options: ServeOptions,
  terminal: Terminal,
  { target, draft, drafts, eyes }: ServedModels,
): Promise<void> {
  const [pair] = await Promise.all([loadPair(target, draft, terminal), loadApi()]);
  const engine = pair.target;
  let closeHttp: () => void = () => undefined;
  let stopKeeping: () => void = () => undefined;
  try {
    warnOfLongContext(engine, options, terminal);
    const hints = exitText(engine.info);
    if (hints !== null) noteTo(terminal)(hints);
    noteShortDraft(pair, terminal);
    const server = await startServer({
      engine,
      ...serverOptions(options, access),
      ...(eyes !== null && { eyes }),
      drafting: {
        fixedLength: options.draftLength,
        ...(drafts.hasSuffix && { suffixBytesMax: options.suffixMib * 2 ** 20 }),
        ...(pair.draft && { engine: pair.draft }),
      },
      onNote: noteTo(terminal),
      makeHttp: async (local) => {
        const http = await makeHttp(engine, options, access, local, terminal);
        closeHttp = http.close;
        return http.handle;
      },
    });
    stopKeeping = keepMemorySmall();
    const stopped = whenAborted(terminal.signal);
    terminal.out.write(`${readyLine(pair, drafts, server)}\n`);
    await stopped;
    terminal.err.write('pilotfish: stopping; running answers may finish\n');
    await server.close();
    terminal.err.write(`${farewell(server)}\n`);
  } finally {
    stopKeeping();
    closeHttp();
    await closeEngines(pair);
  }
}

/** Loaded while the model is, in another thread. */
const loadApi = () => Promise.all([import('../api/index.js'), import('../api/backends/index.js')]);

async function makeHttp(
  engine: LlamaEngine,
  options: ServeOptions,
  { access }: OpenAccess,
  server: LocalServer,
  terminal: Terminal,
): Promise<HttpApi> {
  const [{ createHttpApi }, { ServerGenerator, serverMetrics }] = await loadApi();
  return createHttpApi({
    generator: new ServerGenerator({
      ...{ server, info: engine.info, names: [options.model], build: packageVersion() },
      createdS: Math.floor(Date.now() / 1000),
    }),
    metrics: serverMetrics(server),
    access,
    requestsMax: options.httpRequests,
    shaping: shapingOf(options),
    onMistake: internalErrorNote(noteTo(terminal)),
  });
}

async function engineOptions(options: ServeOptions, terminal: Terminal): Promise<LlamaOptions> {
  const modelPath = await resolveModel(options.model, terminal.env);
  return {
    ...loadSettings(options),
    modelPath,
    slotCount: options.slots,
    deterministic: options.deterministic === true,
    exit: exitChoiceOf(options.exitHead),
    ...(serverDraftsOf(options).model !== null && { poll: pollBeside(options) }),
    ...(options.batchSize !== undefined && { passTokensMax: options.batchSize }),
  };
}

/** The draft model gets the target's context, or less where it was trained for less. */
async function draftOptions(
  name: string,
  target: LlamaOptions,
  options: ServeOptions,
  terminal: Terminal,
): Promise<LlamaOptions> {
  const { threadsDraft: threads, slots } = options;
  const modelPath = await resolveDraft(name, terminal.env);
  return {
    ...loadSettings(threads === undefined ? options : { ...options, threads }),
    modelPath,
    contextLength: Math.min(contextOf(target), checkModelFile(modelPath).contextLength),
    slotCount: slots,
    poll: pollBeside(options),
  };
}

const contextOf = ({ contextLength, modelPath }: LlamaOptions): number =>
  contextLength ?? Math.min(checkModelFile(modelPath).contextLength, contextLengthDefaultMax);

function serverOptions(options: ServeOptions, { access, tls }: OpenAccess) {
  const { staticCount: count, staticWait: waitMs } = options;
  const batching: Batching =
    options.batching === 'static' ? { kind: 'static', count, waitMs } : { kind: 'continuous' };
  return {
    host: options.host,
    port: options.port,
    batching,
    connectionsMax: options.connections,
    sessionsMax: options.sessions,
    tokenMsMax: options.tokenMs,
    swapBytesMax: options.swapMib * 2 ** 20,
    sharesPrefixesAcrossKeys: options.sharePrefixesAcrossKeys === true,
    limits: { resumeMs: options.resumeSeconds * 1000 },
    alternatives: options.alternative,
    keyLimits: givenLimits(options),
    shaping: shapingOf(options),
    access,
    ...(tls !== null && { tls }),
    insecureOpenToNetwork: options.insecureOpenToNetwork === true,
  };
}

function noteShortDraft({ target, draft }: EnginePair, terminal: Terminal): void {
  const { contextLength } = target.info;
  if (draft === null || draft.info.contextLength >= contextLength) return;
  const { modelName, contextLength: drafted } = draft.info;
  noteTo(terminal)(
    `${modelName} drafts in the first ${drafted} of ${contextLength} tokens: it was trained on no more`,
  );
}

function readyLine(
  { target, draft }: EnginePair,
  { hasSuffix }: ChosenDrafters,
  { address, seesPictures }: RunningServer,
): string {
  const { modelName, slotCount, contextLength } = target.info;
  const drafters = [
    ...(draft === null ? [] : [visible(draft.info.modelName, 'all')]),
    ...(hasSuffix ? ['look-up'] : []),
  ];
  const drafting = drafters.length === 0 ? '' : `; drafts by ${drafters.join(' and ')}`;
  const seeing = seesPictures ? '; sees pictures' : '';
  return `pilotfish: ${visible(modelName, 'all')} ready on ${address}, ${slotCount} slots of ${contextLength} tokens${drafting}${seeing}`;
}

function farewell(server: RunningServer): string {
  const { core, uptimeMs } = server.stats();
  const tokens = formatCount(core.committedCount);
  return `pilotfish: stopped after ${formatDuration(uptimeMs)}, ${tokens} tokens in ${formatCount(core.passCount)} passes`;
}

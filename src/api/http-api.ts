// Serves the HTTP API: routes, access, errors and health around one generator. Does not listen
// itself; the caller passes requests in and may share the server.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { type Access, mayReadStats } from '../access/access.js';
import { InvariantError } from '../base/assert.js';
import { checkAccess, originHeaders, preflightHeaders } from './access-check.js';
import { ApiError, type ApiErrorCode, apiErrorTable, toApiError } from './api-error.js';
import { type Body, BodyReader, shortBytes } from './bodies/body-reader.js';
import type { BodyKind } from './bodies/messages.js';
import { BodyBudget } from './body-budget.js';
import { chatResponse } from './chat-response.js';
import { completionResponse } from './completion-response.js';
import type { Generator, ModelCard } from './generator.js';
import { type MetricSource, Metrics } from './metrics.js';
import { onClosed, RequestHandler } from './request-handler.js';
import { type RequestMetrics, requestMetrics } from './request-metrics.js';
import type { ResponseShape } from './response-shape.js';
import { startMsMaxDefault } from './start-wait.js';
import { noStreamShaping, type StreamShaping } from './stream-shaping.js';

export interface HttpApiOptions {
  /** Authenticates requests. Pages of its origins may read the answers. */
  readonly access: Access;
  readonly generator: Generator;
  /** Metrics beside the API's own, for `GET /metrics`. */
  readonly metrics: readonly MetricSource[];
  /** Most requests that run at once. Default 1024. */
  readonly requestsMax?: number;
  /** Milliseconds that a request waits for a generator that is starting. Default 12 000. */
  readonly startMsMax?: number;
  /** Most bytes of long bodies held at once. Default 128 MiB. */
  readonly bodiesBytesMax?: number;
  /** Traffic shaping against observers of lengths and times. Default: none. */
  readonly shaping?: StreamShaping;
  /** Called with internal errors; callers learn nothing of them. */
  readonly onMistake: (reason: unknown) => void;
}

export interface HttpApi {
  /** Answers one request of a node server. */
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void;
  /** Running requests for text. */
  readonly openCount: number;
  /** Resolves when no request for text runs, or after `msMax`. */
  readonly whenIdle: (msMax: number) => Promise<void>;
  /** Stops following the access rules: call it when no more requests come. */
  readonly close: () => void;
}

export const requestsMaxDefault = 1024;
/** Longest body: a million token ids as JSON, or the longest text of the wire with escapes. */
export const bodyBytesMax = 8 * 2 ** 20;

const bodiesBytesMaxDefault = 16 * bodyBytesMax;

/** No route has a schema, and Fastify's own compilers take 20 ms of processor time to load. */
const refuseSchemas = (): never => {
  throw new InvariantError('a route has a schema, which this API does not compile');
};
const noSchemas = { buildValidator: refuseSchemas, buildSerializer: refuseSchemas };

/** Makes an API that is ready to take requests. */
export async function createHttpApi(options: HttpApiOptions): Promise<HttpApi> {
  const metrics = new Metrics();
  metrics.add(options.metrics);
  const watch = requestMetrics(metrics);
  const { generator, requestsMax = requestsMaxDefault, shaping = noStreamShaping } = options;
  const { startMsMax = startMsMaxDefault } = options;
  const parts = { generator, observer: watch, requestsMax, startMsMax, shaping };
  const handler = new RequestHandler(parts);
  const app = fastify({
    ...{ bodyLimit: bodyBytesMax, exposeHeadRoutes: false, logger: false },
    schemaController: { compilersFactory: noSchemas },
    // Errors before any hook: by itself Fastify would answer without the access check.
    frameworkErrors: (reason, request, reply) => {
      refuse(reply as FastifyReply, unroutable(options.access, request.raw, reason));
    },
  });
  const close = options.access.onRevoked((ids) => handler.revoke(ids));
  const bodies = new BodyReader();
  takeBodies(app);
  guard(app, options, watch);
  addHealth(app, generator);
  addModels(app, generator);
  addAnswers(app, { handler, access: options.access, bodies });
  app.get('/metrics', async ({ raw }, reply) => {
    const admission = options.access.admit(raw);
    if (admission.kind !== 'admitted' || !mayReadStats(admission, raw)) {
      throw new ApiError('right_missing', 'this needs a key made with --may stats');
    }
    return reply.type(metrics.contentType).send(await metrics.page());
  });
  await app.ready();
  return {
    handle: (request, response) => app.routing(request, response),
    get openCount() {
      return handler.openCount;
    },
    whenIdle: (msMax) => handler.whenIdle(msMax),
    close: () => {
      close();
      bodies.close();
    },
  };
}

function guard(app: FastifyInstance, options: HttpApiOptions, watch: RequestMetrics): void {
  const bodies = new BodyBudget(options.bodiesBytesMax ?? bodiesBytesMaxDefault, bodyBytesMax);
  app.addHook('onRequest', async (request, reply) => {
    const admission = checkAccess(options.access.admit(request.raw));
    if (admission.kind === 'open') return undefined;
    if (admission.origin !== null) reply.headers(originHeaders(admission.origin));
    if (admission.kind === 'preflight') return reply.code(204).headers(preflightHeaders).send();
    onClosed(request.raw.socket, reply.raw, bodies.take(request.raw));
    return undefined;
  });
  app.addHook('onResponse', async (request, reply) => {
    watch.answered(request.routeOptions.url ?? 'none', reply.raw.statusCode);
  });
  app.setErrorHandler((reason, request, reply) => {
    // The client left in the middle of its body: no mistake, and no answer.
    if (request.raw.socket.destroyed) return;
    const error = fromFastify(reason) ?? toApiError(reason);
    if (error.code === 'internal_error') options.onMistake(reason);
    refuse(reply, error);
  });
  app.setNotFoundHandler((request, reply) => {
    const { method, url } = request;
    const [path] = url.split('?');
    const others = ['GET', 'POST'].filter(
      (other) => other !== method && app.hasRoute({ method: other as 'GET', url: path! }),
    );
    if (others.length === 0) refuse(reply, new ApiError('unknown_url', `there is no ${path} here`));
    else {
      reply.header('allow', others.join(', '));
      refuse(reply, new ApiError('method_not_allowed', `${path} takes ${others.join(', ')} only`));
    }
  });
}

/** The error for a path that the router cannot parse; access is checked first. */
function unroutable(access: Access, request: IncomingMessage, reason: unknown): ApiError {
  try {
    checkAccess(access.admit(request));
    return new ApiError('unknown_url', 'the path cannot be parsed');
  } catch (refusal) {
    return refusal instanceof ApiError ? refusal : toApiError(reason);
  }
}

function refuse(reply: FastifyReply, error: ApiError): void {
  if (error.retryAfterS !== null) reply.header('retry-after', String(error.retryAfterS));
  if (error.code === 'invalid_api_key') reply.header('www-authenticate', 'Bearer');
  void reply.code(error.status).send(error.body);
}

/** Errors that Fastify raises before a handler runs. */
const frameworkCodes: Readonly<Record<string, ApiErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'request_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_ROUTE_MISSING_CONTENT_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'invalid_json',
  FST_ERR_CTP_INVALID_JSON_BODY: 'invalid_json',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'invalid_json',
};

function fromFastify(reason: unknown): ApiError | null {
  const { code, message } = reason as { code?: string; message?: string };
  const known = frameworkCodes[code ?? ''];
  if (known !== undefined) return new ApiError(known, message ?? known);
  return reason instanceof SyntaxError
    ? new ApiError('invalid_json', 'the body is not JSON')
    : null;
}

function addHealth(app: FastifyInstance, generator: Generator): void {
  app.get('/livez', async () => ({ status: 'ok' }));
  const ready = async (_request: FastifyRequest, reply: FastifyReply) => {
    const { readiness } = generator;
    if (readiness === 'ready') return { status: 'ok' };
    reply.header('retry-after', String(apiErrorTable.server_unavailable.retryAfterS));
    return reply.code(503).send({ status: readiness });
  };
  app.get('/health', ready);
  app.get('/readyz', ready);
}

function addModels(app: FastifyInstance, generator: Generator): void {
  const shown = ({ id, createdS, contextLength }: ModelCard) => ({
    id,
    object: 'model',
    created: createdS,
    owned_by: 'pilotfish',
    context_length: contextLength,
  });
  app.get('/v1/models', async () => ({ object: 'list', data: generator.models.map(shown) }));
  app.get('/v1/models/*', async (request) => {
    const id = (request.params as { '*': string })['*'];
    const card = generator.models.find((model) => model.id === id || model.aliases.includes(id));
    if (card === undefined) throw new ApiError('model_not_found', `there is no model '${id}'`);
    return shown(card);
  });
}

/** Parses short bodies; long ones go on as bytes, to be read on another thread. */
function takeBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser<Buffer<ArrayBuffer>>(
    'application/json',
    { parseAs: 'buffer' },
    (request, bytes, done) => {
      if (bytes.length > shortBytes) done(null, { bytes } satisfies Body);
      else {
        parse(request, bytes.toString('utf8'), (error, value: unknown) =>
          error ? done(error) : done(null, { value } satisfies Body),
        );
      }
    },
  );
}

/** Without a body, or of another type, the value is at fault. */
const given = (body: unknown): Body =>
  typeof body === 'object' && body !== null ? (body as Body) : { value: body };

interface AnswerParts {
  readonly handler: RequestHandler;
  readonly access: Access;
  readonly bodies: BodyReader;
}

function addAnswers(app: FastifyInstance, { handler, access, bodies }: AnswerParts): void {
  const route = (path: string, kind: BodyKind, format: ResponseShape): unknown =>
    app.post(path, async (request, reply) => {
      const admission = access.admit(request.raw);
      const grant = admission.kind === 'admitted' ? admission.grant : null;
      const asked = await bodies.read(kind, given(request.body), grant);
      const headers = { ...(reply.getHeaders() as Record<string, string>) };
      const { socket } = request.raw;
      const reader = { grant, response: reply.raw, socket, headers };
      await handler.answer(asked, format, reader);
      // The answer was sent by the handler. Errors before that take Fastify's usual path.
      return reply.hijack();
    });
  route('/v1/chat/completions', 'chat', chatResponse);
  route('/v1/completions', 'completion', completionResponse);
}

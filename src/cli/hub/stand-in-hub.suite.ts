// Emulates the Hugging Face hub on 127.0.0.1 for tests: the endpoints that the library uses, and
// their faults. Answers from memory and records every request.

import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface StandInFile {
  readonly bytes: Uint8Array;
  /** False: a plain git object, named by its SHA-1. */
  readonly lfs?: boolean;
  /** Size in the listing, where it differs from the true one. */
  readonly listedSize?: number;
}

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly range: string | null;
  readonly authorization: string | null;
}

export interface StandInHub {
  readonly url: string;
  readonly asked: Asked[];
  readonly files: Map<string, StandInFile>;
  /** Branch or tag to commit; every commit has all files. */
  readonly refs: Map<string, string>;
  /** Faults of the next responses with a file's bytes, one each; later responses are good. */
  readonly faults: Fault[];
  /** Refuses every request this way while set. */
  refusal: { readonly status: number; readonly code: string } | null;
  /** Redirects to this server for the bytes, as the hub does to its stores. */
  redirectTo: string | null;
  /** Requests for file bytes that were answered. */
  fileRequests(): Asked[];
  close(): Promise<void>;
}

export type Fault =
  /** Closes the connection after so many bytes. */
  | { readonly kind: 'cut'; readonly after: number }
  /** Sends so many bytes and then nothing. */
  | { readonly kind: 'stall'; readonly after: number }
  /** Ends the answer early, without a sign that it did. */
  | { readonly kind: 'short'; readonly after: number }
  | { readonly kind: 'flip' }
  /** Sends the whole file and ignores the range. */
  | { readonly kind: 'ignore-range' }
  | { readonly kind: 'status'; readonly status: number };

export const repo = 'user/repo';
export const commit = 'a'.repeat(40);

/** Bytes that look random and are the same every time. */
export function noiseBytes(count: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

export const sha256 = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex');
const gitSha1 = (bytes: Uint8Array): string =>
  createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');

export async function startHub(): Promise<StandInHub> {
  const server = createServer((request, response) => {
    answer(request, response, hub).catch((reason: unknown) => response.destroy(reason as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const hub: StandInHub = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    files: new Map(),
    refs: new Map([['main', commit]]),
    faults: [],
    refusal: null,
    redirectTo: null,
    fileRequests() {
      return this.asked.filter(
        ({ path, range }) => path.includes('/resolve/') && range !== 'bytes=0-0',
      );
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return hub;
}

async function answer(request: IncomingMessage, response: ServerResponse, hub: StandInHub) {
  const { pathname } = new URL(request.url!, hub.url);
  const { range = null, authorization = null } = request.headers;
  hub.asked.push({ method: request.method!, path: pathname, range, authorization });
  if (hub.refusal !== null) return refuse(response, hub.refusal.status, hub.refusal.code);
  const [, revisionPath] = /^\/api\/models\/user\/repo\/revision\/(.+)$/.exec(pathname) ?? [];
  const [, treePath] = /^\/api\/models\/user\/repo\/tree\/(.+)$/.exec(pathname) ?? [];
  const [, infoPath] = /^\/api\/models\/user\/repo\/paths-info\/(.+)$/.exec(pathname) ?? [];
  const [, at, file] = /^\/user\/repo\/resolve\/([^/]+)\/(.+)$/.exec(pathname) ?? [];
  if (revisionPath !== undefined) return sendModel(response, hub, decodeURIComponent(revisionPath));
  if (treePath !== undefined) return sendTree(request, response, hub);
  if (infoPath !== undefined) return sendInfos(request, response, hub);
  if (at !== undefined) return sendFile(request, response, hub, decodeURIComponent(file!));
  return refuse(response, 404, 'RepoNotFound');
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'x-error-code': code, 'content-type': 'application/json' });
  response.end(JSON.stringify({ error: `refused with ${code}` }));
}

function json(
  response: ServerResponse,
  value: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(200, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(value));
}

const commitOf = (hub: StandInHub, revision: string): string | undefined =>
  hub.refs.get(revision) ?? [...hub.refs.values()].find((known) => known === revision);

function sendModel(response: ServerResponse, hub: StandInHub, revision: string): void {
  const sha = commitOf(hub, revision);
  if (sha === undefined) refuse(response, 404, 'RevisionNotFound');
  else json(response, { _id: '1', id: repo, sha, lastModified: '2026-01-01T00:00:00.000Z' });
}

function entryOf(path: string, file: StandInFile): object {
  const { bytes, lfs = true, listedSize: size = bytes.length } = file;
  const plain = { type: 'file', path, size, oid: gitSha1(bytes) };
  if (!lfs) return plain;
  return { ...plain, lfs: { oid: sha256(bytes), size, pointerSize: 132 }, xetHash: 'x' };
}

/** One file per page, so that a reader has to read all pages. */
function sendTree(request: IncomingMessage, response: ServerResponse, hub: StandInHub): void {
  const url = new URL(request.url!, hub.url);
  const index = Number(url.searchParams.get('cursor') ?? 0);
  const entries = [...hub.files].map(([path, file]) => entryOf(path, file));
  url.searchParams.set('cursor', String(index + 1));
  const link = index + 1 < entries.length ? { link: `<${url.href}>; rel="next"` } : {};
  json(response, entries.slice(index, index + 1), link as Record<string, string>);
}

async function sendInfos(request: IncomingMessage, response: ServerResponse, hub: StandInHub) {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  const { paths } = JSON.parse(Buffer.concat(parts).toString());
  const known = paths.filter((path: string) => hub.files.has(path));
  json(
    response,
    known.map((path: string) => entryOf(path, hub.files.get(path)!)),
  );
}

function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  hub: StandInHub,
  path: string,
) {
  const file = hub.files.get(path);
  if (file === undefined) return refuse(response, 404, 'EntryNotFound');
  const { bytes, lfs = true } = file;
  const etag = { 'x-linked-etag': `"${lfs ? sha256(bytes) : gitSha1(bytes)}"`, etag: '"store"' };
  if (hub.redirectTo !== null) {
    response.writeHead(302, { location: `${hub.redirectTo}${request.url}`, ...etag });
    return void response.end();
  }
  const probe = request.headers.range === 'bytes=0-0';
  const fault = probe ? undefined : hub.faults.shift();
  if (fault?.kind === 'status') return refuse(response, fault.status, '');
  const asked = fault?.kind === 'ignore-range' ? undefined : request.headers.range;
  const [, from = '0', to = ''] = /^bytes=(\d+)-(\d*)$/.exec(asked ?? '') ?? [];
  const end = to === '' ? bytes.length : Number(to) + 1;
  const body = Buffer.from(bytes.subarray(Number(from), end));
  const headers = {
    ...etag,
    ...(fault?.kind !== 'short' && { 'content-length': String(body.length) }),
    ...(asked && { 'content-range': `bytes ${from}-${end - 1}/${bytes.length}` }),
  };
  response.writeHead(asked ? 206 : 200, headers);
  sendBody(response, body, fault);
}

function sendBody(response: ServerResponse, body: Buffer, fault: Fault | undefined): void {
  if (fault?.kind === 'flip') body[body.length >> 1]! ^= 1;
  if (fault === undefined || !('after' in fault)) return void response.end(body);
  const part = body.subarray(0, fault.after);
  if (fault.kind === 'short') return void response.end(part);
  response.write(part, () => {
    if (fault.kind === 'cut') response.destroy();
  });
}

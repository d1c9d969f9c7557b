// Checks what a client of the HTTP API gets: statuses and bodies of refusals, health, access,
// models, metrics.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Access } from '../access/access.js';
import { keyed } from '../access/key-ring.suite.js';
import {
  ask,
  failing,
  json,
  type OpenApi,
  openApi,
  resultOf,
  ScriptedGenerator,
  until,
  withApi,
  word,
} from './api.suite.js';
import { bodyBytesMax, type HttpApiOptions } from './http-api.js';

describe('a request that cannot be answered', () => {
  const generator = new ScriptedGenerator();
  let api: OpenApi;
  before(async () => {
    api = await openApi(generator);
  });
  after(() => api.close());

  const refused = async (answer: Promise<Response>, status: number, code: string) => {
    const response = await answer;
    assert.equal(response.status, status);
    const { error } = await json(response);
    assert.equal(error.code, code);
    assert.deepEqual(Object.keys(error).sort(), ['code', 'message', 'param', 'type']);
    return { response, error };
  };

  it('because it is no JSON, or no body, is a 400', async () => {
    await refused(api.post('/v1/completions', '{'), 400, 'invalid_json');
    await refused(api.post('/v1/completions', ''), 400, 'invalid_json');
    await refused(api.post('/v1/completions', '{"__proto__":{"a":1}}'), 400, 'invalid_json');
  });

  it('because it is too large is a 413', async () => {
    const body = JSON.stringify({ ...ask, prompt: 'x'.repeat(bodyBytesMax) });
    await refused(api.post('/v1/completions', body), 413, 'request_too_large');
  });

  it('because it is no JSON by its type is a 415', async () => {
    const answer = api.post('/v1/completions', 'a=1', { 'content-type': 'text/csv' });
    await refused(answer, 415, 'unsupported_media_type');
  });

  it('because of its path or method is a 404 or a 405 that names the method', async () => {
    await refused(fetch(`${api.url}/v1/embeddings`), 404, 'unknown_url');
    const { response } = await refused(
      fetch(`${api.url}/v1/completions`),
      405,
      'method_not_allowed',
    );
    assert.equal(response.headers.get('allow'), 'POST');
  });

  it('because no such model is here is a 404 that names those that are', async () => {
    const answer = api.post('/v1/completions', { ...ask, model: 'gpt' });
    const { error } = await refused(answer, 404, 'model_not_found');
    assert.match(error.message, /'gpt'; the models are 'toy'/);
    await refused(fetch(`${api.url}/v1/models/gpt`), 404, 'model_not_found');
  });

  for (const stream of [true, false]) {
    it(`because its prompt is too long is a 400 with both numbers (stream: ${stream})`, async () => {
      generator.script = failing('prompt-too-long', '300 tokens and one more exceed 256');
      const answer = api.post('/v1/completions', { ...ask, stream });
      const { error } = await refused(answer, 400, 'context_length_exceeded');
      assert.match(error.message, /300.*256/);
    });
  }

  it('because its schema cannot be followed is a 400 that names the place', async () => {
    generator.script = failing('format-invalid', 'the schema at #/type: "objekt" is not a type');
    const { error } = await refused(api.post('/v1/completions', ask), 400, 'invalid_value');
    assert.equal(error.param, 'response_format');
    assert.match(error.message, /#\/type/);
  });

  it('because a server is away or busy is a 503 with advice when to come again', async () => {
    generator.script = failing('link-lost', 'the server has been away for 60 s');
    const away = await refused(api.post('/v1/completions', ask), 503, 'server_unavailable');
    assert.equal(away.response.headers.get('retry-after'), '5');
    generator.script = failing('server-busy', 'no room');
    const busy = await refused(api.post('/v1/completions', ask), 503, 'server_busy');
    assert.equal(busy.response.headers.get('retry-after'), '1');
  });

  it('because a key has used up what it may is a 429 that says when there is more', async () => {
    generator.script = failing('quota-exceeded', 'the key has used its 60 tokens a minute', 6_500);
    const spent = await refused(api.post('/v1/completions', ask), 429, 'rate_limit_exceeded');
    assert.equal(spent.response.headers.get('retry-after'), '7');
  });

  it('because of an internal error is a 500 that says nothing of it', async () => {
    generator.script = () => {
      throw new Error('a secret');
    };
    const { error } = await refused(api.post('/v1/completions', ask), 500, 'internal_error');
    assert.doesNotMatch(error.message, /secret/);
    assert.match(String(api.mistakes.pop()), /a secret/);
  });

  it('leaves nothing behind', () => {
    assert.equal(generator.openCount, 0);
    assert.equal(api.api.openCount, 0);
  });
});

describe('health', () => {
  it('is live always, ready only when answers can be begun', async () => {
    const generator = new ScriptedGenerator();
    const { access, token } = keyed();
    const headers = { authorization: `Bearer ${token}` };
    await withApi(generator, { access }, async ({ url, post }) => {
      for (const [readiness, status] of [
        ['ready', 200],
        ['away', 503],
        ['starting', 503],
        ['draining', 503],
      ] as const) {
        generator.readiness = readiness;
        for (const path of ['/health', '/readyz']) {
          assert.equal((await fetch(url + path)).status, 401);
          const response = await fetch(url + path, { headers });
          assert.equal(response.status, status, `${path} while ${readiness}`);
          assert.equal(response.headers.has('retry-after'), status === 503);
          const said = readiness === 'ready' ? 'ok' : readiness;
          assert.deepEqual(await json(response), { status: said });
        }
        assert.equal((await fetch(`${url}/livez`)).status, 200);
      }
      assert.equal((await post('/v1/completions', ask)).status, 401);
    });
  });

  it('that is draining or starting takes no requests for text', async () => {
    const generator = new ScriptedGenerator();
    await withApi(generator, { startMsMax: 100 }, async ({ post }) => {
      for (const readiness of ['draining', 'starting'] as const) {
        generator.readiness = readiness;
        assert.equal((await post('/v1/completions', ask)).status, 503);
      }
      assert.equal(generator.requests.length, 0);
    });
  });

  it('that is starting is waited for, by as many requests as may run', async () => {
    const generator = new ScriptedGenerator();
    generator.readiness = 'starting';
    await withApi(generator, { requestsMax: 2 }, async ({ post }) => {
      const waiting = [post('/v1/completions', ask), post('/v1/completions', ask)];
      await sleep(100);
      assert.equal((await post('/v1/completions', ask)).status, 503, 'one too many');
      generator.readiness = 'ready';
      for (const response of await Promise.all(waiting)) assert.equal(response.status, 200);
    });
  });
});

describe('access', () => {
  it('needs the key wherever there is one', async () => {
    const { access, token } = keyed();
    await withApi(new ScriptedGenerator(), { access }, async ({ url, post }) => {
      for (const authorization of [undefined, token, `Basic ${token}`, 'Bearer wrong', 'Bearer ']) {
        const headers: Record<string, string> = authorization ? { authorization } : {};
        const response = await post('/v1/completions', ask, headers);
        assert.equal(response.status, 401, authorization);
        assert.equal(response.headers.get('www-authenticate'), 'Bearer');
        assert.equal((await json(response)).error.code, 'invalid_api_key');
      }
      for (const path of ['/v1/models', '/metrics']) {
        assert.equal((await fetch(url + path)).status, 401);
        const headers = { authorization: `Bearer ${token}` };
        assert.equal((await fetch(url + path, { headers })).status, 200);
      }
    });
  });

  it('ends answers whose key is revoked while they are written', async () => {
    const { access, keys, token, grant } = keyed();
    const other = keys.add('other');
    const generator = new ScriptedGenerator();
    generator.script = (queue) => {
      queue.accept(1);
      queue.push(word('one'));
    };
    await withApi(generator, { access }, async ({ post, api }) => {
      const [revoked, kept] = await Promise.all(
        [token, other.token].map((key) =>
          post('/v1/completions', { ...ask, stream: true }, { authorization: `Bearer ${key}` }),
        ),
      );
      assert.deepEqual(
        generator.requests.map((request) => request.grant?.id).sort(),
        [grant.id, other.grant.id].sort(),
      );
      keys.revoke(grant.id);
      const text = await revoked!.text();
      assert.match(text, /one/);
      assert.match(text, /no longer valid.*invalid_api_key/);
      assert.equal(api.openCount, 1);
      await kept!.body!.cancel();
      await until(() => api.openCount === 0);
      assert.equal(keys.listenerCount, 1);
    });
    assert.equal(keys.listenerCount, 0, 'a closed API is not told of keys any more');
  });

  it('is refused to pages, unless their origin is allowed', async () => {
    const origin = 'https://good.example';
    await withApi(
      new ScriptedGenerator(),
      { access: new Access({ keys: null, origins: [origin] }) },
      async ({ url, post }) => {
        const bad = await post('/v1/completions', ask, { origin: 'https://bad.example' });
        assert.equal(bad.status, 403);
        assert.equal(bad.headers.get('access-control-allow-origin'), null);
        for (const stream of [false, true]) {
          const good = await post('/v1/completions', { ...ask, stream }, { origin });
          assert.equal(good.headers.get('access-control-allow-origin'), origin);
          assert.match(await good.text(), /three/);
        }
        const preflight = await fetch(`${url}/v1/completions`, {
          method: 'OPTIONS',
          headers: { origin, 'access-control-request-method': 'POST' },
        });
        assert.equal(preflight.status, 204);
        assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /authorization/);
      },
    );
  });

  it('is refused under a name that is not this machine’s own', async () => {
    await withApi(new ScriptedGenerator(), {}, async ({ url }) => {
      const statusOf = async (host: string): Promise<string> => {
        const socket = connect(Number(new URL(url).port), '127.0.0.1');
        socket.write(`GET /v1/models HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
        let said = '';
        for await (const bytes of socket) said += bytes;
        return said.slice(9, 12);
      };
      assert.equal(await statusOf('evil.example:7434'), '403');
      for (const host of ['localhost:7434', '127.0.0.1', '[::1]:80', 'a.localhost']) {
        assert.equal(await statusOf(host), '200', host);
      }
    });
  });
});

describe('models', () => {
  it('are listed, and found by id and by alias', async () => {
    await withApi(new ScriptedGenerator(), {}, async ({ url, post }) => {
      const list = await json(await fetch(`${url}/v1/models`));
      assert.equal(list.object, 'list');
      const expected = {
        ...{ id: 'toy', object: 'model', created: 1_700_000_000, owned_by: 'pilotfish' },
        context_length: 256,
      };
      assert.deepEqual(list.data, [expected]);
      for (const name of ['toy', 'Toy%20Model']) {
        assert.deepEqual(await json(await fetch(`${url}/v1/models/${name}`)), expected);
      }
      const answer = await json(await post('/v1/completions', { ...ask, model: 'Toy Model' }));
      assert.equal(answer.model, 'toy');
    });
  });
});

describe('metrics', () => {
  it('count requests by route and status, tokens, and metrics counted elsewhere', async () => {
    const generator = new ScriptedGenerator();
    const metrics: HttpApiOptions['metrics'] = [
      { kind: 'counter', name: 'passes_total', help: 'Passes.', read: () => 41 },
      {
        ...{ kind: 'gauge', name: 'by_mode', help: 'Modes.', labels: ['mode'] },
        read: () => [{ labels: { mode: 'race' }, value: 2 }],
      },
      {
        ...{ kind: 'histogram', name: 'size', help: 'Sizes.' },
        read: () => ({ bounds: [1, 2], counts: [3, 0, 1], sum: 9 }),
      },
    ];
    await withApi(generator, { metrics }, async ({ url, post }) => {
      await post('/v1/completions', ask);
      await post('/v1/completions', {});
      await fetch(`${url}/secret/${'x'.repeat(20)}`);
      const response = await fetch(`${url}/metrics`);
      assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
      const page = await response.text();
      for (const line of [
        'pilotfish_passes_total 41',
        'pilotfish_by_mode{mode="race"} 2',
        'pilotfish_size_bucket{le="2"} 3',
        'pilotfish_size_bucket{le="+Inf"} 4',
        'pilotfish_size_sum 9',
        'pilotfish_http_requests_total{route="/v1/completions",status="200"} 1',
        'pilotfish_http_requests_total{route="/v1/completions",status="400"} 1',
        'pilotfish_http_requests_total{route="none",status="404"} 1',
        `pilotfish_http_completion_tokens_total ${resultOf().tokenCount}`,
        'pilotfish_http_open_requests 0',
        'pilotfish_http_time_to_first_token_seconds_count 1',
      ]) {
        assert.ok(page.includes(`${line}\n`), line);
      }
      assert.doesNotMatch(page, /secret|xxx/);
    });
  });
});

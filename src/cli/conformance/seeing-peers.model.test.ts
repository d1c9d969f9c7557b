// Runs the checks of pictures against a real server with eyes and real devices, which pass, and
// against the same with one fault each, which fail the check of that rule.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { robotEncoder, robotTarget, whyNoEyes } from '../../engine/llama/eyes/robot-files.suite.js';
import type { ServerFrame } from '../../protocol/frame.js';
import { CliServer, freePort, plainEnvironment } from '../processes/cli-process.suite.js';
import { run } from '../processes/command.suite.js';
import { breakingProxy, type Fault } from './breaking-proxy.suite.js';
import type { ConformanceResult } from './conformance-check.js';
import { checkDevice } from './device-conformance.js';
import { newPicture, refOf } from './probe-pictures.js';
import { checkServer } from './server-conformance.js';

const served = [
  ...['-m', robotTarget, '--mmproj', robotEncoder, '-t', '1', '-c', '256', '--slots', '4'],
  '--deterministic',
];
const waitMs = 2_000;
const mainScript = fileURLToPath(new URL('../main.js', import.meta.url));

/** A fault of the frames of one kind. */
const told =
  <Kind extends ServerFrame['kind']>(
    kind: Kind,
    change: (frame: Extract<ServerFrame, { kind: Kind }>) => ServerFrame,
  ): (() => Fault) =>
  () => ({
    down: (frame) =>
      frame.kind === kind ? change(frame as Extract<ServerFrame, { kind: Kind }>) : frame,
  });

interface BrokenServer {
  readonly fault: () => Fault;
  /** Checks that have to fail. */
  readonly fails: readonly string[];
}

const servers: { readonly [name: string]: BrokenServer } = {
  'asks for pictures that follow': {
    fault: () => ({
      up: (frame) => (frame.kind === 'open' ? { ...frame, picturesFollow: false } : frame),
    }),
    fails: ['pictures that follow'],
  },
  'asks again for a picture that it holds': {
    fault: told('opened', (frame) =>
      frame.session === 0
        ? frame
        : { kind: 'pictures-wanted', session: frame.session, wanted: [{ index: 0, offset: 0 }] },
    ),
    fails: ['picture held'],
  },
  'does not tell where images stand': {
    fault: told('opened', (frame) => ({ ...frame, images: [] })),
    fails: ['pictures', 'picture resumed'],
  },
  'goes on behind what it has of a picture': {
    fault: told('pictures-wanted', (frame) => ({
      ...frame,
      wanted: frame.wanted.map(({ index, offset }) => ({ index, offset: offset + 1 })),
    })),
    fails: ['pictures', 'picture cut'],
  },
  'has another code for pictures': {
    fault: told('failure', (frame) => ({ ...frame, code: 'limit-exceeded' })),
    fails: [
      'picture-invalid, bytes of another hash',
      'picture-invalid, a truncated picture',
      'picture-invalid, a file that is no picture',
      'picture-invalid, a part that leaves a gap',
      'picture-too-large, 9 pictures',
    ],
  },
  'ends the connection for a picture': {
    fault: told('failure', (frame) => ({ ...frame, session: null })),
    fails: ['picture-invalid, a part that comes twice', 'picture-too-large, bytes beyond'],
  },
  'has eyes and says that it has none': {
    fault: told('welcome', (frame) => ({ ...frame, seesPictures: false })),
    fails: ['picture-unseen, a picture for no eyes'],
  },
};

describe('the conformance kit, beside a server with eyes', { skip: whyNoEyes() }, () => {
  let port = 0;
  let server: CliServer | null = null;
  before(async () => {
    port = await freePort();
    server = new CliServer(port, served);
    await server.start();
  });
  after(() => server?.kill());

  it('passes ours twice, as a command: nothing is left of the first time', async () => {
    for (const only of [[], ['--only', 'picture']]) {
      const { code, out } = await run(['conformance', `127.0.0.1:${port}`, ...only, '--json']);
      const { pass, results } = JSON.parse(out);
      const rest = results.filter(({ outcome }: ConformanceResult) => outcome !== 'pass');
      assert.deepEqual(
        rest.map(({ name, outcome }: ConformanceResult) => `${outcome} ${name}`),
        [
          ...(only.length === 0 ? ['skipped key'] : []),
          'skipped picture-unseen, a picture for no eyes',
        ],
      );
      assert.equal(code, 0);
      assert.ok(pass >= 18, `${pass} checks`);
    }
  });

  for (const [name, { fault, fails }] of Object.entries(servers)) {
    it(`notices a server that ${name}`, async () => {
      const proxy = await breakingProxy(`ws://127.0.0.1:${port}`, fault);
      for (const check of fails) {
        let ranCount = 0;
        for await (const result of checkServer(proxy.address, { waitMs }, check)) {
          if (!result.name.startsWith(check)) continue;
          assert.equal(result.outcome, 'fail', result.name);
          ranCount++;
          if (result.name === check) break;
        }
        assert.equal(ranCount, 1, check);
      }
      proxy.close();
    });
  }
});

const devices: { readonly [name: string]: BrokenServer } = {
  'sends other bytes': {
    fault: () => ({
      up: (frame) =>
        frame.kind === 'picture-part' ? { ...frame, data: frame.data.map((byte) => ~byte) } : frame,
    }),
    fails: ['pictures'],
  },
  'begins its pictures anew': {
    fault: () => ({
      up: (frame) => (frame.kind === 'picture-part' ? { ...frame, offset: 0 } : frame),
    }),
    fails: ['pictures'],
  },
  'names another picture when it opens again': {
    fault: () => ({
      up: (frame) =>
        frame.kind === 'open' && frame.answer.length > 0
          ? { ...frame, pictures: [refOf(newPicture())] }
          : frame,
    }),
    fails: ['reopening'],
  },
};

const runner = (url: string, file: string) => {
  const how = ['--draft', 'suffix', '--mode', 'stop-and-wait', '-n', '120', '--no-stats'];
  return [
    process.execPath,
    ...[mainScript, 'run', 'What is it?', '-i', file, '-s', url.replace('ws://', ''), ...how],
  ];
};
const pythonDevice = (url: string, file: string) => [
  ...['python3', 'examples/python/device.py', 'What is it?', '--image', file, '--server', url],
  ...['--mode', 'stop-and-wait', '--max-tokens', '120'],
];

describe('the conformance kit, beside a device with pictures', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pilotfish-seeing-'));
  after(() => rmSync(folder, { recursive: true }));

  /** Results of a device that shows a picture. */
  async function judged(
    side: number,
    fault: () => Fault,
    command: (url: string, file: string) => string[],
  ): Promise<ConformanceResult[]> {
    const file = join(folder, `${side}.png`);
    writeFileSync(file, newPicture(side));
    let begin: (address: string) => void = () => undefined;
    const address = new Promise<string>((resolve) => {
      begin = resolve;
    });
    const { signal } = new AbortController();
    const options = { port: 0, waitMs: 5_000, signal, onListening: begin };
    const results: ConformanceResult[] = [];
    const testing = (async () => {
      for await (const result of checkDevice(options)) results.push(result);
    })();
    const proxy = await breakingProxy(await address, fault);
    const [program, ...args] = command(proxy.address, file);
    const child = spawn(program!, args, { stdio: 'ignore', env: plainEnvironment() });
    await testing;
    child.kill('SIGKILL');
    proxy.close();
    return results;
  }

  for (const [name, { fault, fails }] of Object.entries(devices)) {
    it(`judges a device that ${name}`, async () => {
      const results = await judged(200, fault, runner);
      const failed = results.filter(({ outcome }) => outcome === 'fail').map((one) => one.name);
      assert.deepEqual(
        fails.filter((rule) => !failed.includes(rule)),
        [],
      );
    });
  }

  for (const [name, command] of Object.entries({
    ours: runner,
    'the one in Python': pythonDevice,
  })) {
    for (const side of [24, 200]) {
      it(`finds no fault in ${name} with a picture of ${side} pixels a side`, async () => {
        const results = await judged(side, () => ({}), command);
        const failed = results.filter(({ outcome }) => outcome === 'fail');
        assert.deepEqual(failed, []);
        for (const rule of ['pictures', 'resumption', 'reopening']) {
          assert.equal(results.find((one) => one.name === rule)?.outcome, 'pass', rule);
        }
      });
    }
  }
});

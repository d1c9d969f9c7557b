// Runs the conformance kit against a real server and a real device, which pass, and against the
// same with one fault each, which fail the check of that rule.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CliServer, freePort } from '../processes/cli-process.suite.js';
import { run } from '../processes/command.suite.js';
import { breakingProxy, type Fault } from './breaking-proxy.suite.js';
import type { ConformanceResult } from './conformance-check.js';
import { checkDevice } from './device-conformance.js';
import { checkServer } from './server-conformance.js';

const served = ['-m', 'stories-target', '-t', '1', '-c', '256', '--slots', '4', '--deterministic'];
const waitMs = 2_000;

interface BrokenPeer {
  readonly fault: () => Fault;
  /** Checks that have to fail. */
  readonly fails: readonly string[];
  /** Checks that pass all the same. */
  readonly passes: readonly string[];
}

/** Takes every draft as one of the newest epoch. */
function ignoringEpochs(): Fault {
  let [replies, epoch] = [0, 0];
  return {
    up(frame) {
      if (frame.kind !== 'draft') return frame;
      epoch = Math.max(epoch, frame.epoch);
      return { ...frame, epoch: replies };
    },
    down(frame) {
      if (frame.kind !== 'verdict') return frame;
      replies++;
      return { ...frame, epoch };
    },
  };
}

/** Sends every draft in epoch 0. */
function keepingEpoch(): Fault {
  let own = 0;
  return {
    up(frame) {
      if (frame.kind !== 'draft') return frame;
      own = frame.epoch;
      return { ...frame, epoch: 0 };
    },
    down: (frame) => (frame.kind === 'verdict' ? { ...frame, epoch: own } : frame),
  };
}

/** Drops the first verdict that follows Resumed. */
function forgettingLaws(): Fault {
  let isResumed = false;
  return {
    down(frame) {
      if (frame.kind === 'resumed') isResumed = true;
      return isResumed && frame.kind === 'verdict' ? null : frame;
    },
  };
}

const isSilent = (frame: Parameters<NonNullable<Fault['down']>>[0]): boolean =>
  frame.kind === 'verdict' && frame.tokens.length === 0 && frame.law === null && frame.end === null;

const servers: { readonly [name: string]: BrokenPeer } = {
  'ignores epochs': {
    fault: ignoringEpochs,
    fails: ['void epoch', 'old epoch'],
    passes: ['cancel'],
  },
  'drops drafts in silence': {
    fault: () => ({ down: (frame) => (isSilent(frame) ? null : frame) }),
    fails: ['void epoch', 'old epoch', 'another text'],
    passes: ['text coupled stop-and-wait'],
  },
  'has other noise': {
    fault: () => ({
      up: (frame) => (frame.kind === 'open' ? { ...frame, seed: frame.seed ^ 1n } : frame),
    }),
    fails: ['shared noise'],
    passes: ['text coupled race'],
  },
  'always speaks version 4': {
    fault: () => ({
      down: (frame) => (frame.kind === 'welcome' ? { ...frame, version: 4 } : frame),
    }),
    fails: ['versions', 'frame vectors'],
    passes: ['greeting'],
  },
  'writes another token where a draft was rejected': {
    fault: () => ({
      down(frame) {
        if (frame.kind !== 'verdict' || frame.rejectedCount === 0) return frame;
        return { ...frame, tokens: frame.tokens.map((token) => token + 1) };
      },
    }),
    fails: ['text coupled stop-and-wait', 'text greedy pipeline'],
    passes: ['text coupled stream'],
  },
  'ends the connection for a session': {
    fault: () => ({
      down: (frame) => (frame.kind === 'failure' ? { ...frame, session: null } : frame),
    }),
    fails: ['draft-gap, a draft that leaves a gap', 'resumption, hash', 'taking over'],
    passes: ['version-unsupported, versions 900 to 901'],
  },
  'closes with 1008': {
    fault: () => ({ closeCode: (code) => (code > 4000 ? 1008 : code) }),
    fails: ['frame-malformed, no protobuf', 'vocabulary'],
    passes: ['draft-gap, a draft that leaves a gap'],
  },
  'forgets the law of a resumed session': {
    fault: forgettingLaws,
    fails: ['resumption, law'],
    passes: ['cut law'],
  },
};

async function resultsOf(
  url: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, ConformanceResult>> {
  const results = new Map<string, ConformanceResult>();
  for (const name of names) {
    for await (const result of checkServer(url, { waitMs }, name)) results.set(result.name, result);
  }
  return results;
}

describe('the conformance kit, beside a server', () => {
  let port = 0;
  let server: CliServer | null = null;
  before(async () => {
    port = await freePort();
    server = new CliServer(port, served);
    await server.start();
  });
  after(() => server?.kill());

  it('passes all checks of ours, as a command with exit code 0', async () => {
    const { code, out } = await run(['conformance', `127.0.0.1:${port}`, '--json']);
    const { fail, pass, skipped, results } = JSON.parse(out);
    const failed = results.filter(({ outcome }: ConformanceResult) => outcome === 'fail');
    assert.deepEqual([failed, fail, code], [[], 0, 0]);
    const left = results.filter(({ outcome }: ConformanceResult) => outcome === 'skipped');
    assert.equal(left.length, skipped);
    // There is no key, and it has no eyes.
    assert.match(left[0].detail, /no key was given/);
    for (const { detail } of left.slice(1)) assert.equal(detail, 'the server sees no pictures');
    const unseen = results.find(({ name }: ConformanceResult) => /^picture-unseen/.test(name));
    assert.equal(unseen.outcome, 'pass');
    assert.ok(pass > 70, `${pass} checks`);
  });

  it('passes through a proxy without a fault', async () => {
    const proxy = await breakingProxy(`ws://127.0.0.1:${port}`, () => ({
      up: (frame) => frame,
      down: (frame) => frame,
    }));
    const results = await resultsOf(proxy.address, [
      'epoch',
      'text coupled',
      'resumption',
      'draft',
    ]);
    proxy.close();
    const failed = [...results.values()].filter(({ outcome }) => outcome !== 'pass');
    assert.deepEqual(failed, []);
  });

  for (const [name, { fault, fails, passes }] of Object.entries(servers)) {
    it(`notices a server that ${name}`, async () => {
      const proxy = await breakingProxy(`ws://127.0.0.1:${port}`, fault);
      const results = await resultsOf(proxy.address, [...fails, ...passes]);
      proxy.close();
      for (const check of fails) assert.equal(results.get(check)?.outcome, 'fail', check);
      for (const check of passes) {
        assert.equal(results.get(check)?.outcome, 'pass', results.get(check)?.detail);
      }
    });
  }
});

async function collected(results: AsyncIterable<ConformanceResult>): Promise<ConformanceResult[]> {
  const all: ConformanceResult[] = [];
  for await (const result of results) all.push(result);
  return all;
}

const devices: { readonly [name: string]: Pick<BrokenPeer, 'fault' | 'fails'> } = {
  'has no fault': { fault: () => ({}), fails: [] },
  'never raises its epoch': {
    fault: keepingEpoch,
    fails: ['epochs'],
  },
  'resumes with another hash': {
    fault: () => ({
      up: (frame) => (frame.kind === 'resume' ? { ...frame, logHash: 7n } : frame),
    }),
    fails: ['resumption'],
  },
  'begins its answer anew': {
    fault: () => ({
      up: (frame) =>
        frame.kind === 'open' && frame.answer.length > 0 ? { ...frame, seed: 1n } : frame,
    }),
    fails: ['reopening'],
  },
};

describe('the conformance kit, beside a device', () => {
  for (const [name, { fault, fails }] of Object.entries(devices)) {
    it(`judges a device that ${name}`, async () => {
      let begin: (address: string) => void = () => undefined;
      const address = new Promise<string>((resolve) => {
        begin = resolve;
      });
      const { signal } = new AbortController();
      const options = { port: 0, waitMs: 5_000, signal, onListening: begin };
      const testing = collected(checkDevice(options));
      const proxy = await breakingProxy(await address, fault);
      const at = proxy.address.replace('ws://', '');
      const how = ['--draft', 'suffix', '--mode', 'stop-and-wait', '-n', '120', '--no-stats'];
      const writing = run(['run', 'The old clock', '-s', at, ...how], {}, (child) => {
        void testing.then(() => child.kill('SIGKILL'));
      });
      const results = await testing;
      await writing;
      proxy.close();
      const failed = results.filter(({ outcome }) => outcome === 'fail').map((one) => one.name);
      assert.deepEqual(
        fails.filter((rule) => !failed.includes(rule)),
        [],
      );
      if (fails.length === 0) assert.deepEqual(failed, []);
    });
  }
});

// Checks of a server before any session: handshake, versions, vocabulary, frames of the connection.

import type { ServerBench } from './bench.js';
import { type ConformanceCheck, expectThat, needs } from './conformance-check.js';
import { bytesOfHex, plainHello } from './probe.js';
import { plainOpen } from './probe-session.js';
import { checkVectors, vectorHex } from './vector-check.js';

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

export const greetingChecks: readonly ConformanceCheck<ServerBench>[] = [
  {
    name: 'vectors',
    rule: 'the kit itself computes what vectors/ says',
    run: async () => checkVectors(),
  },
  {
    name: 'key',
    rule: 'without its key a connection gets 401',
    async run(bench) {
      needs(bench.hasKey, 'no key was given, so none is required');
      const probe = await bench.connectUnknown();
      const failure = await probe.next('failure');
      expectThat(failure.code === 'key-refused', `${failure.code} without a key`);
    },
  },
  {
    name: 'greeting',
    rule: 'Hello gets Welcome, with the newest version that both have',
    async run(bench) {
      const welcome = await bench.welcome();
      const { version, schemes, modes, contextLength, vocabSize } = welcome;
      expectThat(version >= 1 && version <= plainHello.versionMax, `version ${version}`);
      expectThat(schemes.length > 0 && modes.length > 0, 'no scheme or no mode is offered');
      expectThat(contextLength > 1 && vocabSize > 1, 'no context or no vocabulary');
    },
  },
  {
    name: 'versions',
    rule: 'a range of versions gets its highest, and modes that this version knows',
    async run(bench) {
      const { version: newest } = await bench.welcome();
      for (let versionMax = 1; versionMax <= newest; versionMax++) {
        const probe = await bench.connect();
        const { version, modes, padBytes, seesPictures } = await probe.greet({ versionMax });
        expectThat(version === versionMax, `version ${version} for 1 to ${versionMax}`);
        const isKnown = version >= 4 || !modes.some((mode) => /auto|co-located/.test(mode));
        expectThat(isKnown, `modes ${modes} in version ${version}`);
        expectThat(version >= 5 || !seesPictures, `eyes in version ${version}`);
        expectThat(version >= 3 || padBytes === 0, `padding asked for in version ${version}`);
      }
    },
  },
  {
    name: 'frame vectors',
    rule: 'the bytes of vectors/frames.json are understood, and answered with its bytes',
    async run(bench) {
      const probe = await bench.connect();
      probe.sendBytes(bytesOfHex(vectorHex('hello', 'a device without a vocabulary')));
      const { version } = await probe.next('welcome');
      expectThat(version === 3, `version ${version} for a Hello of versions 1 to 3`);
      probe.sendBytes(bytesOfHex(vectorHex('ping', 'fills a period')));
      probe.sendBytes(bytesOfHex(vectorHex('ping', 'asks for a Pong')));
      const { bytes } = await probe.arrival('pong');
      const wanted = vectorHex('pong', 'answers a Ping');
      expectThat(hexOf(bytes) === wanted, `${hexOf(bytes)} in place of ${wanted}`);
    },
  },
  {
    name: 'unknown fields',
    rule: 'unknown fields and padding are skipped, at every depth',
    async run(bench) {
      const probe = await bench.greeted();
      // Ping with nonce 7 and the unknown field 15; after it field 100, and padding.
      probe.sendBytes(bytesOfHex('820104080778' + '01' + 'a2060100' + '9a01020000'));
      const { nonce } = await probe.next('pong');
      expectThat(nonce === 7, `a Pong of nonce ${nonce}`);
    },
  },
  {
    name: 'vocabulary',
    rule: 'an equal fingerprint decides; another is refused with the first block that differs',
    async run(bench) {
      const { fingerprint, vocabSize } = await bench.welcome();
      const blockHashes = new Uint32Array(Math.ceil(vocabSize / 256));
      await (await bench.connect()).greet({ fingerprint, vocabSize, blockHashes });
      const probe = await bench.connect();
      probe.send({ ...plainHello, fingerprint: 'sha256:other', vocabSize, blockHashes });
      const { block } = await probe.refusal('vocabulary-mismatch', null, 4006);
      expectThat(block !== null && block.from === 0, 'no first block comes with the refusal');
      expectThat(block.vocabSize === vocabSize, `a block of ${block.vocabSize} tokens`);
      expectThat(block.texts.length === Math.min(256, vocabSize), 'a block is not whole');
    },
  },
  {
    name: 'resumption of none',
    rule: 'an unknown resume key ends its session with resume-refused',
    async run(bench) {
      const probe = await bench.greeted();
      const resumeKey = new Uint8Array(16);
      probe.send({ kind: 'resume', session: 3, resumeKey, committedLength: 1, logHash: 0n });
      await probe.refusal('resume-refused', 3, 0);
    },
  },
  {
    name: 'padding',
    rule: 'an Open with pad_bytes pads what follows, in both directions',
    async run(bench) {
      const { version } = await bench.welcome();
      needs(version >= 3, `version ${version} has no padding`);
      const probe = await bench.greeted();
      probe.send({ ...plainOpen, padBytes: 128, tokensMax: 4 });
      while (true) {
        const { frame, bytes } = await probe.arrival();
        const classes = Math.log2(bytes.length / 128);
        expectThat(Number.isInteger(classes), `a ${frame.kind} of ${bytes.length} bytes`);
        if (frame.kind === 'verdict' && frame.end !== null) return;
      }
    },
  },
];

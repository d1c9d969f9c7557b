// Compares this kit's own codec and noise with vectors/, which other implementations use too: a kit
// that has them wrong must not judge a peer.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exponential, type NoiseStream, noiseKey, uniform } from '../../math/noise.js';
import { decodeDeviceFrame, decodeServerFrame, encodeFrame } from '../../protocol/codec.js';
import { tokenLogHash } from '../../protocol/token-log-hash.js';
import { packageRoot } from '../package-root.js';
import { expectThat } from './conformance-check.js';

export interface FrameVector {
  readonly kind: string;
  readonly sender: 'device' | 'server';
  readonly title: string;
  readonly pad_bytes?: number;
  readonly hex: string;
}

interface NoiseFile {
  readonly uniforms: readonly {
    readonly seed: string;
    readonly stream: NoiseStream;
    readonly position: number;
    readonly index: number;
    readonly n: string;
  }[];
  readonly variates: readonly {
    readonly seed: string;
    readonly position: number;
    readonly token: number;
    readonly variate: number;
  }[];
}

interface HashFile {
  readonly token_logs: readonly { readonly ids: readonly number[]; readonly hash: string }[];
}

const read = <Content>(name: string): Content =>
  JSON.parse(readFileSync(join(packageRoot, 'vectors', name), 'utf8'));

export const frameVectors = (): readonly FrameVector[] =>
  read<{ frames: readonly FrameVector[] }>('frames.json').frames;

/** The bytes of a vector, by the begin of its title. */
export function vectorHex(kind: string, title: string): string {
  const found = frameVectors().find((one) => one.kind === kind && one.title.startsWith(title));
  expectThat(found !== undefined, `vectors/frames.json has no ${kind}: ${title}`);
  return found.hex;
}

/** @throws RuleBroken where the kit itself is wrong. */
export function checkVectors(): void {
  for (const { sender, title, hex, pad_bytes: padBytes } of frameVectors()) {
    const decode = sender === 'device' ? decodeDeviceFrame : decodeServerFrame;
    const decoded = decode(new Uint8Array(Buffer.from(hex, 'hex')));
    expectThat('ok' in decoded, `the kit refuses the vector: ${title}`);
    const again = Buffer.from(encodeFrame(decoded.ok, padBytes)).toString('hex');
    expectThat(again === hex, `the kit encodes other bytes: ${title}`);
  }
  const noise = read<NoiseFile>('noise.json');
  for (const { seed, stream, position, index, n } of noise.uniforms) {
    const own = uniform(noiseKey(BigInt(seed), stream), position, index);
    const given = (Number(n) + 0.5) * 2 ** -52;
    expectThat(own === given, `the kit has other noise at ${stream} ${position} ${index}`);
  }
  for (const { seed, position, token, variate } of noise.variates) {
    const own = exponential(noiseKey(BigInt(seed), 'race'), position, token);
    const isClose = Math.abs(own - variate) <= 1e-14 * variate;
    expectThat(isClose, `the kit has another variate at ${position} ${token}`);
  }
  for (const { ids, hash } of read<HashFile>('hashes.json').token_logs) {
    const own = tokenLogHash(Int32Array.from(ids));
    expectThat(own === BigInt(hash), `the kit hashes ${ids.length} tokens otherwise`);
  }
}

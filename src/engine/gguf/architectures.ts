// Lists the architectures of llama.cpp v0.5.0 that can serve as draft or target, and why the others
// cannot. A closed list: an unknown name never reaches llama.cpp. Source: llama.cpp's
// llama-arch.cpp.

import { quoted, refuseModel } from './model-error.js';

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');

/**
 * Attention, or (in the last line) attention plus a recurrent state that llama.cpp can roll back by
 * a bounded number of tokens.
 */
const decoders = new Set(
  words(`
    llama llama4 deci falcon grok gpt2 gptneox mpt baichuan starcoder refact bloom stablelm qwen qwen2
    qwen2moe qwen2vl qwen3 qwen3moe qwen3vl qwen3vlmoe phi2 phi3 phimoe plamo plamo3 codeshell orion internlm2
    minicpm minicpm3 gemma gemma2 gemma3 gemma3n gemma4 starcoder2 maple xverse command-r cohere2 cohere2moe dbrx
    olmo olmo2 olmoe muse-glimmer openelm arctic deepseek deepseek2 deepseek2-ocr deepseek32 chatglm glm4 glm4moe
    glm-dsa bitnet jais jais2 nemotron exaone exaone4 exaone-moe granite granitemoe graniteswitch granite_swa
    chameleon plm bailingmoe bailingmoe2 dots1 dots3note arcee afmoe laguna ernie4_5 ernie4_5-moe hunyuan-moe
    hunyuan-dense hunyuan_vl hy_v3 hy_v4 smollm3 gpt-oss smallthinker seed_oss grovemoe apertus hrm_text
    minimax-m2 minimax-m3 cogvlm pangu-embedded mistral3 mistral4 paddleocr mimo2 step35 spark2_5 maincoder
    talkie mellum nanbeige
    kimi-k3 qwen35 qwen35moe qwen4exp deepseek4 nemotron_h nemotron_h_moe lfm2 lfm2moe bailingmoe3`),
);

/**
 * Decoders that may use a different number of experts in each block; all others use the number of
 * the first.
 */
const expertsVary = new Set(words('nemotron_h nemotron_h_moe'));

/**
 * Decoders that rotate parts of a head by time, height and width: the graph asserts that not all
 * parts are 0.
 */
const rotatesInSections = new Set(
  words('qwen2vl qwen3vl qwen3vlmoe qwen35 qwen35moe qwen4exp paddleocr'),
);

/**
 * Every fourth block of llama4 reads its own input. Without such a block, an assertion about its
 * memory fails.
 */
const blocksMin: Readonly<Record<string, number>> = { llama4: 4 };

const refused: readonly (readonly [names: string, kind: string])[] = [
  ['clip', 'an image projector, the companion of a vision model'],
  [
    `bert modern-bert nomic-bert nomic-bert-moe neo-bert jina-bert-v2 jina-bert-v3 eurobert gemma-embedding
     llama-embed t5encoder`,
    'a text encoder, which embeds text and writes none',
  ],
  ['t5', 'an encoder-decoder model'],
  ['dream llada llada-moe rnd1', 'a diffusion model, which does not write token by token'],
  [
    `mamba mamba2 rwkv6 rwkv6qwen2 rwkv7 arwkv7 jamba falcon-h1 plamo2 granitehybrid qwen3next kimi-linear
     minimax-01`,
    'a model with a recurrent state that cannot be rolled back',
  ],
  ['eagle3 dflash gemma4-assistant', 'a helper that runs only inside its own target model'],
  ['wavtokenizer-dec qwen3tts pockettts', 'a speech model'],
  ['whisper', 'a speech recogniser'],
  ['flux sd1 sd3 sdxl lumina2 wan ltxv hyvid qwen_image', 'an image or video model'],
];

export interface Architecture {
  readonly name: string;
  readonly expertsVary: boolean;
  readonly rotatesInSections: boolean;
  readonly blockCountMin: number;
}

/**
 * @throws PilotfishError `model-unsupported` for every architecture that cannot be draft or target.
 */
export function architectureOf(name: string): Architecture {
  if (decoders.has(name)) {
    return {
      name,
      expertsVary: expertsVary.has(name),
      rotatesInSections: rotatesInSections.has(name),
      blockCountMin: Object.hasOwn(blocksMin, name) ? blocksMin[name]! : 1,
    };
  }
  const kind = refused.find(([names]) => words(names).includes(name))?.[1];
  return refuseModel(
    'model-unsupported',
    kind
      ? `architecture ${quoted(name)} is ${kind}; a decoder-only text model is needed`
      : `architecture ${quoted(name)} is not one that llama.cpp v0.5.0 knows`,
  );
}

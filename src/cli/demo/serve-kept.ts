// Keeps the demo running for `--keep`: the same server and link, two devices that serve HTTP, and
// commands to paste.

import { commandName } from '../package-root.js';
import type { DemoProcesses, Emulation } from './demo-processes.js';
import { startDevices } from './demo-processes.js';

/** The bundled target's name in GET /v1/models. */
const modelId = 'llama-stories-target-9m';

/** Starts the devices. @returns lines that work when pasted unchanged; `#` begins a comment. */
export async function serveKept(stage: DemoProcesses, { passMs }: Emulation): Promise<string[]> {
  await stage.server.setPace({ passMs, rowMs: 0 });
  const [loadedDrafter, plain] = await startDevices(stage, ['--http', '0']);
  const command = commandName(process.cwd());
  return [
    '# device 1, drafts with a model',
    post(`${loadedDrafter.httpUrl}/v1/chat/completions`, {
      model: modelId,
      stream: true,
      max_tokens: 60,
      messages: [{ role: 'user', content: 'Tell me of the old clock.' }],
    }),
    '# device 2, drafts nothing; num_tokens_by_source counts what the server drafted',
    post(`${plain.httpUrl}/v1/completions`, {
      model: modelId,
      prompt: 'The old clock in the hallway',
      max_tokens: 40,
      seed: 14,
    }),
    `curl -s ${loadedDrafter.httpUrl}/v1/models`,
    `curl -s ${loadedDrafter.httpUrl}/metrics`,
    '# a third device through the same link, and the server itself',
    `${command} run 'The old clock' --server ${stage.linkAddress} --show-draft`,
    `${command} chat --server ${stage.linkAddress}`,
    `${command} top --server 127.0.0.1:${stage.server.port}`,
  ];
}

const post = (url: string, body: object): string =>
  `curl -sN ${url} -H 'content-type: application/json' -d '${JSON.stringify(body)}'`;

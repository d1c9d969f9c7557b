// Asks a vision-language model over OpenAI's HTTP API: a picture as a data URL, an instruction, and
// the schema of an action. Works with a device of Pilotfish, its server, or any other server.

import { actionSchema } from '../action.js';
import { pngOf } from '../room/png.js';
import type { Eyes } from './eyes.js';

/** An action takes about 20. */
const tokensMax = 48;

/**
 * @param base of the API, such as http://127.0.0.1:7434.
 * @param key for the API; null: it asks for none.
 * @throws where the server does not answer or has no model.
 */
export async function httpEyes(base: string, key: string | null): Promise<Eyes> {
  const headers = {
    'content-type': 'application/json',
    ...(key !== null && { authorization: `Bearer ${key}` }),
  };
  const ask = async (path: string, init: RequestInit): Promise<unknown> => {
    const response = await fetch(new URL(path, base), { ...init, headers });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  const { data } = (await ask('/v1/models', {})) as { data: readonly { id: string }[] };
  const model = data[0]?.id;
  if (model === undefined) throw new Error(`${base} serves no model`);
  return {
    name: model,
    close: async () => undefined,
    act: async (view, goal, signal) => {
      const picture = Buffer.from(pngOf(view)).toString('base64');
      const answer = await ask('/v1/chat/completions', {
        method: 'POST',
        signal,
        body: JSON.stringify({
          ...{ model, temperature: 0, max_completion_tokens: tokensMax },
          messages: [
            {
              role: 'user',
              content: [
                { type: 'image_url', image_url: { url: `data:image/png;base64,${picture}` } },
                { type: 'text', text: `Go to the ${goal}.` },
              ],
            },
          ],
          response_format: {
            type: 'json_schema',
            json_schema: { name: 'action', strict: true, schema: actionSchema },
          },
        }),
      });
      return textOf(answer);
    },
  };
}

function textOf(answer: unknown): string {
  const { choices } = answer as { choices: readonly { message: { content: string | null } }[] };
  return choices[0]?.message.content ?? '';
}

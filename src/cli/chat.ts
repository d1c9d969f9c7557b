// Defines `pilotfish chat`: a conversation with a server's model, drafted here. The flags are those
// of `run`; chat/session.ts has the commands.

import type { Command } from 'commander';
import { LineInput } from './chat/line-input.js';
import { type ChatOptions, ChatSession } from './chat/session.js';
import { schemeOf } from './flags/draft-flags.js';
import { addFlags, flag, usageError } from './flags/flags.js';
import { addLinkFlags, checkLinkFlags, withClient } from './flags/link-flags.js';
import { addPictureFlags, readPictures } from './flags/picture-flags.js';
import { addSamplingFlags, drawSeed, usualLaw } from './flags/sampling-flags.js';
import { stopFlag } from './flags/text-flags.js';
import type { Exit, Terminal } from './screen/terminal.js';
import { visible } from './screen/visible.js';

// Each paragraph is one line: help wraps it to the terminal.
const description = `Chats with a server's model, with a draft model on this machine. The server applies its model's chat template. A model without a template gets the messages as a script of User and Assistant, and an answer then ends before the next "User:".

  pilotfish chat
  pilotfish chat --server edge.local:7433 -md hf:user/repo/draft.gguf --system "Be brief."
  printf 'Hello\\nAnd then?\\n' | pilotfish chat > answers.txt

Ctrl-C stops an answer. Ctrl-D, or Ctrl-C twice at the prompt, ends the program. /help lists the commands. For a message of several lines, end each line with \\, or put the message between lines of """. When the context is full, the oldest turns are dropped with a note; the system message stays.

Through a pipe each line is a message, and stdout has only the answers. The first error ends the command.`;

const maxTokensDefault = 512;

export function addChat(program: Command, terminal: Terminal, exit: Exit): void {
  const command = program
    .command('chat')
    .summary('chat with the model of a server')
    .description(description);
  addFlags(command, [
    flag('--system <text>', 'system message before the conversation').default('', 'none'),
    stopFlag(),
    flag('--show-draft', 'mark every token by its origin'),
    flag('--stats', 'print numbers after each answer'),
  ]);
  addPictureFlags(command, 'picture that the first message is about');
  addLinkFlags(command);
  addSamplingFlags(command, usualLaw, maxTokensDefault);
  command.action(async () => {
    const options = command.opts<ChatOptions>();
    schemeOf(options);
    checkLinkFlags(options, command);
    exit(await chat(options, terminal));
  });
}

async function chat(options: ChatOptions, terminal: Terminal): Promise<number> {
  if (terminal.in === undefined) throw usageError('there is no input to read');
  const pictures = await readPictures(options);
  const needs = { slotCount: 1, asksInMessages: true };
  return withClient(options, needs, terminal, async (link) => {
    const input = new LineInput(terminal);
    try {
      const seed = options.seed ?? drawSeed();
      const session = new ChatSession({ ...link, options, pictures, terminal, input, seed });
      link.report.redirect((text) => session.note(text));
      if (input.isKeyboard) terminal.err.write(`${greeting(link.client.modelName)}\n`);
      return await session.run();
    } finally {
      input.close();
    }
  });
}

const greeting = (modelName: string | null): string =>
  `${visible(modelName ?? 'no server yet', 'all')}; /help lists the commands, Ctrl-D ends`;

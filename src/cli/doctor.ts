// Defines `pilotfish doctor`: checks machine, engine, models and cache, and says what is wrong and
// how to fix it. Changes nothing and asks no server.

import type { Command } from 'commander';
import type { Check, CheckLevel } from './doctor/check.js';
import { gatherFacts } from './doctor/facts.js';
import { judgeMachine, worstVerdict } from './doctor/judge.js';
import { thisMachine } from './doctor/machine.js';
import { jsonFlag } from './flags/flags.js';
import { displayWidth } from './screen/table.js';
import {
  colourWanted,
  type Exit,
  type Paint,
  painter,
  printJson,
  type Style,
  type Terminal,
} from './screen/terminal.js';
import { visible } from './screen/visible.js';

/** Adds the command. Its exit code is 1 when something will not work, else 0. */
export function addDoctor(program: Command, terminal: Terminal, exit: Exit): void {
  program
    .command('doctor')
    .summary('check this machine, the engine and the models')
    .description(
      'Checks the system, the llama.cpp libraries, GPUs, the bundled models and the model cache, and says how to fix problems.',
    )
    .addOption(jsonFlag())
    .action(async ({ json }: { json?: boolean }) => {
      const facts = await gatherFacts(thisMachine(terminal.env));
      const checks = judgeMachine(facts);
      const verdict = worstVerdict(checks);
      if (json) printJson(terminal, { verdict, checks, facts });
      else printChecks(checks, verdict, terminal);
      exit(verdict === 'fail' ? 1 : 0);
    });
}

const marks: Readonly<Record<CheckLevel, { word: string; style: Style }>> = {
  ok: { word: 'ok', style: 'green' },
  note: { word: 'note', style: 'cyan' },
  warn: { word: 'warn', style: 'yellow' },
  fail: { word: 'FAIL', style: 'red' },
};

const conclusions: Readonly<Record<CheckLevel, string>> = {
  ok: 'Everything is in order.',
  note: 'Everything works.',
  warn: 'Everything works, but some of it badly: see warn above.',
  fail: 'Something will not work: see FAIL above.',
};

function printChecks(checks: readonly Check[], verdict: CheckLevel, { out, env }: Terminal): void {
  const paint = painter(colourWanted(out, env));
  const nameWidth = Math.max(...checks.map(({ name }) => displayWidth(name)));
  for (const check of checks) out.write(`${checkText(check, nameWidth, paint)}\n`);
  out.write(`\n${paint(marks[verdict].style, conclusions[verdict])}\n`);
}

function checkText(check: Check, nameWidth: number, paint: Paint): string {
  const { word, style } = marks[check.verdict];
  const line = `${paint(style, word.padEnd(4))}  ${check.name.padEnd(nameWidth)}  ${visible(check.finding, 'all')}`;
  if (check.remedy === null) return line;
  return `${line}\n${' '.repeat(nameWidth + 8)}-> ${visible(check.remedy, 'all')}`;
}

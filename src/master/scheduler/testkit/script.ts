/**
 * Golden scripts of the scheduler: comments, a command of one or more lines, `----`, its output, an empty line. A
 * command is a verb, words, and perhaps a YAML mapping in braces.
 */
import { parse } from 'yaml';
import { clusterCommands } from './cluster-commands.js';
import type { Command } from './command.js';
import { decisionCommands } from './decision-commands.js';
import { ClusterState } from './cluster-state.js';
import { queueCommands } from './queue-commands.js';

const commands: Readonly<Record<string, Command>> = {
  ...clusterCommands,
  ...decisionCommands,
  ...queueCommands,
};

function runCommand(state: ClusterState, text: string): string {
  const brace = text.indexOf('{');
  const [verb = '', ...words] = text
    .slice(0, brace < 0 ? undefined : brace)
    .trim()
    .split(/\s+/u);
  const fields = brace < 0 ? {} : (parse(text.slice(brace)) as Record<string, unknown>);
  const command = commands[verb];
  if (command === undefined) throw new Error(`unknown command ${verb}`);
  const lines = command(state, words, fields);
  return lines.length === 0 ? 'ok' : lines.join('\n');
}

/** Runs a script. @returns the script as it should read, with the outputs that the commands gave */
export function runScript(text: string): string {
  const state = new ClusterState();
  const out: string[] = [];
  let pending: string[] = [];
  let inOutput = false;
  for (const line of text.split('\n')) {
    if (line === '----') {
      out.push(...pending, '----', runCommand(state, pending.join('\n')));
      pending = [];
      inOutput = true;
    } else if (line === '' || (line.startsWith('#') && pending.length === 0)) {
      inOutput = false;
      out.push(line);
    } else if (!inOutput) pending.push(line);
  }
  return out.join('\n');
}

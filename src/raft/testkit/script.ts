/**
 * Golden scripts: comments, a command, `----`, its output, an empty line. A command's output is whatever the cluster
 * noted meanwhile.
 */
import { ProposalDroppedError } from '../errors.js';
import type { Command, ScriptState } from './command.js';
import { clusterCommands } from './commands-cluster.js';
import { inputCommands } from './commands-input.js';

const commands: Readonly<Record<string, Command>> = { ...clusterCommands, ...inputCommands };

function runCommand(state: ScriptState, line: string): readonly string[] {
  const [name = '', ...words] = line.split(/\s+/u);
  const command = commands[name];
  if (command === undefined) return [`unknown command ${name}`];
  const own: string[] = [];
  try {
    own.push(...(command(state, words) ?? []));
  } catch (error) {
    if (!(error instanceof ProposalDroppedError)) throw error;
    own.push(error.message);
  }
  const noted = state.cluster?.lines.splice(0) ?? [];
  const output = [...noted, ...own];
  return output.length === 0 ? ['ok'] : output;
}

/** Runs a script. @returns the script as it should read, with the outputs that the commands gave */
export function runScript(text: string): string {
  const state: ScriptState = { cluster: undefined };
  const out: string[] = [];
  let inOutput = false;
  for (const line of text.split('\n')) {
    if (line === '----') {
      inOutput = true;
    } else if (line === '' || line.startsWith('#')) {
      inOutput = false;
      out.push(line);
    } else if (!inOutput) {
      out.push(line, '----', ...runCommand(state, line));
    }
  }
  return out.join('\n');
}

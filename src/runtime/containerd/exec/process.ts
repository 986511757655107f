import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OciSpec } from '../oci.js';

/** The kind of terminal that a command is told when the container's first process has none. */
const terminalKind = 'TERM=xterm';

/** Returns the process of a command in a container whose first process is `own`. Pure. */
export function processOfCommand(
  own: OciSpec['process'],
  options: { readonly command: readonly string[]; readonly tty: boolean },
): OciSpec['process'] {
  const { command, tty } = options;
  const saysTerminal = own.env.some((pair) => pair.startsWith('TERM='));
  const env = tty && !saysTerminal ? [...own.env, terminalKind] : own.env;
  return { ...own, terminal: tty, args: command, env };
}

/** Reads the specification with which a container was made, from the container's directory. */
export async function readSpec(directory: string): Promise<OciSpec> {
  return JSON.parse(await readFile(join(directory, 'spec.json'), 'utf8')) as OciSpec;
}

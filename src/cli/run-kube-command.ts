/** Runs one of the commands that kubectl's users know. `scripts/pack` makes a file of its own of what it loads. */
import type { CommandContext } from './context.js';
import type { KubeCommand } from './kube-commands.js';
import { kubeCommands } from './kube-commands.js';

/**
 * @param context @default the process's
 * @returns the exit code; undefined: no such command has that name
 */
export function runKubeCommand(
  name: string,
  argv: readonly string[],
  context?: CommandContext,
): Promise<number | undefined> {
  return runDeclared(kubeCommands, name, argv, context);
}

/** The same for other commands that are declared as data. */
export async function runDeclared(
  commands: Readonly<Record<string, KubeCommand>>,
  name: string,
  argv: readonly string[],
  context?: CommandContext,
): Promise<number | undefined> {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) return undefined;
  const [spec, { runCommand }, { processContext }] = await Promise.all([
    command.load(),
    import('./command/run-command.js'),
    import('./context.js'),
  ]);
  return runCommand(spec, argv, context ?? processContext);
}

/** `trireme man DIRECTORY`: writes the man pages of the declared commands. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../../lib/usage-error.js';
import { manPage, placed } from '../command/man-page.js';
import type { CommandContext } from '../context.js';
import type { KubeCommand } from '../kube-commands.js';

const usage = `Usage: trireme man DIRECTORY

Writes the man pages of the declared commands, one file a command:
trireme man /usr/local/share/man/man1
`;

/** @throws UsageError without a directory */
export async function runMan(
  commands: Readonly<Record<string, KubeCommand>>,
  argv: readonly string[],
  context: CommandContext,
): Promise<number> {
  const [directory] = argv;
  if (directory === '--help' || directory === '-h') {
    context.out(usage);
    return 0;
  }
  if (directory === undefined || argv.length > 1 || directory.startsWith('-')) {
    throw new UsageError('exactly one DIRECTORY is required');
  }
  mkdirSync(directory, { recursive: true });
  let count = 0;
  for (const { load } of Object.values(commands)) {
    for (const command of placed(await load())) {
      const name = `trireme-${command.path.replaceAll(' ', '-')}.1`;
      writeFileSync(join(directory, name), manPage(command));
      count += 1;
    }
  }
  context.out(`${count} pages in ${directory}\n`);
  return 0;
}

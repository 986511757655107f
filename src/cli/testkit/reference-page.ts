/** The reference page `docs/CLI.md`, from the commands' data. */
import type { Flags } from '../command/flag-types.js';
import { globalFlags } from '../command/global-flags.js';
import { flagHead, flagText } from '../command/help.js';
import type { PlacedCommand } from '../command/man-page.js';
import { placed, sentence, sortedFlags, usageOf } from '../command/man-page.js';
import type { CommandSpec } from '../command/spec.js';

/** The page `docs/CLI.md`. */
export function referencePage(commands: readonly CommandSpec[]): string {
  const head = [
    '# The commands of `trireme`',
    'Generated from the commands themselves (`src/cli/testkit/reference-page.ts`); `trireme COMMAND --help` says the same. What',
    'kubectl does under these names they do with its words and exit codes; `test/cluster/kubectl-parity.test.ts` holds both',
    'side by side and names the differences. Each command also has a man page: `trireme man DIRECTORY` writes them.',
  ];
  const globals = ['## Flags of every command', flagList(globalFlags)];
  const parts = commands.flatMap((spec) => placed(spec)).map(section);
  return `${[head[0], head.slice(1).join('\n'), ...globals, ...parts].join('\n\n')}\n`;
}

function section(command: PlacedCommand): string {
  const { path, spec } = command;
  const level = path.includes(' ') ? '###' : '##';
  const examples = spec.examples.map(([words, line]) => `# ${words}\n${line}`).join('\n\n');
  return [
    `${level} ${path}`,
    [sentence(spec.summary), ...(spec.description === undefined ? [] : [spec.description])].join(
      ' ',
    ),
    `\`\`\`text\n${usageOf(command)}\n\`\`\``,
    ...(examples === '' ? [] : [`\`\`\`text\n${examples}\n\`\`\``]),
    ...(Object.keys(spec.flags).length === 0 ? [] : [flagList(spec.flags)]),
  ].join('\n\n');
}

function flagList(flags: Flags): string {
  return sortedFlags(flags)
    .map(([name, flag]) => `- \`${flagHead(name, flag).trim()}\`: ${flagText(flag)}`)
    .join('\n');
}

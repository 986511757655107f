import { Command } from 'commander';
import { AgentDefinition } from '../../gen/agent.js';
import type { CommandContext } from '../context.js';
import { processContext } from '../context.js';
import type { NamespaceFlags } from '../common-flags.js';
import { addNamespaceFlags } from '../common-flags.js';
import { parseFlags, wholeNumber } from '../../lib/flags.js';
import { UsageError } from '../../lib/usage-error.js';

interface Flags extends NamespaceFlags {
  readonly container?: string;
  readonly follow?: boolean;
  readonly previous?: boolean;
  readonly timestamps?: boolean;
  readonly tail?: string;
  readonly since?: string;
}

/** `trireme logs POD`. */
export async function runLogs(
  argv: readonly string[],
  context: CommandContext = processContext,
): Promise<number> {
  const command = addNamespaceFlags(
    new Command('logs')
      .argument('<pod>', 'the pod, also as pod/NAME')
      .option('-c, --container <name>', 'the container (default: the first of the pod)')
      .option('-f, --follow', 'go on with new lines as they are written')
      .option('-p, --previous', 'print the log of the previous instance')
      .option('--timestamps', 'print the time of each line')
      .option('--tail <lines>', 'print only so many of the last lines')
      .option('--since <seconds>', 'print only lines of the last so many seconds'),
  );
  const parsed = parseFlags<Flags>(command, argv, context.out);
  if (parsed.help) return 0;
  const { options } = parsed;
  const pod = podName(options.args[0]);
  const connection = await context.connect(options);
  try {
    const chunks = connection
      .channel()
      .client(AgentDefinition)
      .logs({
        container: {
          namespace: options.namespace ?? connection.namespace,
          pod,
          uid: '',
          container: options.container ?? '',
        },
        follow: options.follow ?? false,
        previous: options.previous ?? false,
        timestamps: options.timestamps ?? false,
        sinceTime: '',
        ...(options.tail === undefined
          ? {}
          : { tailLines: wholeNumber('--tail', options.tail, 0, 2 ** 31) }),
        ...(options.since === undefined
          ? {}
          : { sinceSeconds: wholeNumber('--since', options.since, 1, 2 ** 31) }),
      });
    for await (const { data } of chunks) {
      context.out(data);
      await context.drained();
    }
    return 0;
  } finally {
    connection.close();
  }
}

/** @throws UsageError */
export function podName(argument: string | undefined): string {
  const name = argument?.replace(/^pods?\//, '') ?? '';
  if (name === '' || name.includes('/')) throw new UsageError('name a pod');
  return name;
}

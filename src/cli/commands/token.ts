import { Command } from 'commander';
import { ClusterDefinition } from '../../gen/cluster.js';
import type { CommandContext } from '../context.js';
import { processContext } from '../context.js';
import { addConnectionFlags } from '../connection.js';
import type { ConnectionFlags } from '../connection.js';
import { parseFlags, wholeNumber } from '../../lib/flags.js';
import { UsageError } from '../../lib/usage-error.js';

interface Flags extends ConnectionFlags {
  readonly for: string;
  readonly ttl: string;
}

/** `trireme token create`: prints what a machine needs to join. */
export async function runToken(
  argv: readonly string[],
  context: CommandContext = processContext,
): Promise<number> {
  const command = addConnectionFlags(
    new Command('token')
      .argument('<action>', 'create')
      .option(
        '--for <roles>',
        'machines that may join with it: worker, master or worker,master',
        'worker',
      )
      .option('--ttl <seconds>', 'its validity in seconds', '86400'),
  );
  const parsed = parseFlags<Flags>(command, argv, context.out);
  if (parsed.help) return 0;
  const { options } = parsed;
  if (options.args[0] !== 'create') throw new UsageError('the action is "create"');
  const ttlSeconds = wholeNumber('--ttl', options.ttl, 1, 31_536_000);
  const connection = await context.connect(options);
  try {
    const answer = await connection.call((channel) =>
      channel
        .client(ClusterDefinition)
        .createToken({ ttlSeconds, usages: options.for.split(',') }, { deadlineMs: 10_000 }),
    );
    context.out(
      `${[
        `token:   ${answer.token}`,
        `ca-hash: ${answer.caHash}`,
        `expires: ${answer.expires}`,
        `join:    --join ${connection.servers.join(',')} --token ${answer.token} --ca-hash ${answer.caHash}`,
      ].join('\n')}\n`,
    );
    return 0;
  } finally {
    connection.close();
  }
}

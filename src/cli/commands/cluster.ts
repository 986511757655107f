import { Command } from 'commander';
import { ClusterDefinition } from '../../gen/cluster.js';
import type { CommandContext } from '../context.js';
import { processContext } from '../context.js';
import type { ConnectionFlags } from '../connection.js';
import { addConnectionFlags } from '../connection.js';
import { clusterToJson, renderCluster } from '../print-cluster.js';
import { parseFlags } from '../../lib/flags.js';
import { lostQuorum } from '../quorum.js';
import { UsageError } from '../../lib/usage-error.js';

interface Flags extends ConnectionFlags {
  readonly output?: string;
}

/** `trireme cluster status`, `trireme cluster watch` and `trireme cluster kill-leader`. */
export async function runCluster(
  argv: readonly string[],
  context: CommandContext = processContext,
): Promise<number> {
  if (argv[0] === 'kill-leader') {
    return (await import('./kill-leader.js')).runKillLeader(argv.slice(1), context);
  }
  const command = addConnectionFlags(
    new Command('cluster')
      .argument(
        '<action>',
        'status: once; watch: live, an election shows as it happens; kill-leader: of a cluster that `up` started',
      )
      .option('-o, --output <format>', 'json'),
  );
  const parsed = parseFlags<Flags>(command, argv, context.out);
  if (parsed.help) return 0;
  const { options } = parsed;
  const [action] = options.args;
  if (action !== 'status' && action !== 'watch') {
    throw new UsageError('the action is "status", "watch" or "kill-leader"');
  }
  const connection = await context.connect(options);
  try {
    if (action === 'watch') {
      const { runWatch } = await import('../watch/run.js');
      const piped = options.output === 'json' ? 'json' : 'plain';
      const output = process.stdout.isTTY && piped === 'plain' ? 'screen' : piped;
      return await runWatch(context, connection.channels(), output);
    }
    const status = await connection.call((channel) =>
      channel.client(ClusterDefinition).status({}, { deadlineMs: 5000 }),
    );
    context.out(options.output === 'json' ? `${clusterToJson(status)}\n` : renderCluster(status));
    const trouble = lostQuorum(status);
    if (trouble === undefined) return 0;
    context.err(`${trouble}\n`);
    return 1;
  } finally {
    connection.close();
  }
}

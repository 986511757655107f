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
  readonly demo?: boolean;
  readonly yes?: boolean;
  readonly home?: string;
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
      .option('-o, --output <format>', 'json')
      .option(
        '--demo',
        'with watch: kill, pause and cut off masters that `up` started, mend them, and say what was lost',
      )
      .option('--yes', 'with --demo: do not ask')
      .option('--home <dir>', "with --demo: as given to `up` (default: the kubeconfig's)"),
  );
  const parsed = parseFlags<Flags>(command, argv, context.out);
  if (parsed.help) return 0;
  const { options } = parsed;
  const [action] = options.args;
  if (action !== 'status' && action !== 'watch') {
    throw new UsageError('the action is "status", "watch" or "kill-leader"');
  }
  if (options.demo === true) {
    if (action !== 'watch') throw new UsageError('--demo goes with "cluster watch"');
    return await demonstrate(context, options);
  }
  const connection = await context.connect(options);
  try {
    if (action === 'watch') {
      const { runWatch } = await import('../watch/run.js');
      const output = watchOutput(options);
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

async function demonstrate(context: CommandContext, options: Flags): Promise<number> {
  const [{ runDemo }, { homeOf }] = await Promise.all([
    import('../demo/demo.js'),
    import('./kill-leader.js'),
  ]);
  const kubeconfig = options.kubeconfig ?? process.env['KUBECONFIG'];
  return await runDemo(context, {
    home: homeOf(options.home, kubeconfig, '--demo breaks'),
    output: watchOutput(options),
    isAgreed: options.yes === true,
  });
}

/** The whole screen of a terminal, lines through a pipe. */
function watchOutput({ output }: Flags): 'screen' | 'plain' | 'json' {
  if (output === 'json') return 'json';
  return process.stdout.isTTY ? 'screen' : 'plain';
}

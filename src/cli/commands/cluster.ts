import { Command } from 'commander';
import type { ClusterStatus } from '../../gen/cluster.js';
import { ClusterDefinition } from '../../gen/cluster.js';
import { delay } from '../../lib/clock.js';
import { isGrpcError } from '../../lib/grpc/index.js';
import type { CommandContext } from '../context.js';
import { processContext } from '../context.js';
import type { Connection, ConnectionFlags } from '../connection.js';
import { addConnectionFlags } from '../connection.js';
import { clusterToJson, describeChanges, renderCluster } from '../print-cluster.js';
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
    if (action === 'watch') return await watch(context, connection, options.output === 'json');
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

/** Until interrupted; moves to another master when the one that answers dies. */
async function watch(
  context: CommandContext,
  connection: Connection,
  asJson: boolean,
): Promise<number> {
  const { clock } = context;
  const screen = process.stdout.isTTY && !asJson;
  let last: ClusterStatus | undefined;
  for (;;) {
    const channel = connection.channel();
    try {
      for await (const status of channel.client(ClusterDefinition).watch({})) {
        if (asJson) context.out(`${clusterToJson(status)}\n`);
        else if (screen)
          context.out(`\x1b[H\x1b[2J${renderCluster(status)}${describeChanges(last, status)}`);
        else context.out(describeChanges(last, status));
        last = status;
      }
    } catch (error) {
      if (!isGrpcError(error)) throw error;
      context.err(`${stamp(clock.nowMs())} ${channel.target} does not answer: ${error.message}\n`);
      connection.failed(channel);
      await delay(clock, 100);
    }
  }
}

function stamp(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(11, 23);
}

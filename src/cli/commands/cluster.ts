import { ClusterDefinition } from '../../gen/cluster.js';
import type { ClusterStatus } from '../../gen/cluster.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand, defineGroup } from '../command/spec.js';
import type { Connection } from '../connection.js';
import { clusterToJson, renderCluster } from '../print-cluster.js';
import { lostQuorum } from '../quorum.js';
import { withConnection } from '../with-connection.js';
import { homeOf, killLeaderCommand } from './kill-leader.js';

const output = { type: 'text', short: 'o', values: ['json'], help: 'for programs' } as const;

function noWords(args: readonly string[]): void {
  if (args.length > 0) throw new CommandLineError(`unexpected argument "${args[0]}"`);
}

/** Asks for the state of members, components and nodes. */
export function askStatus(connection: Connection): Promise<ClusterStatus> {
  return connection.call((channel) =>
    channel.client(ClusterDefinition).status({}, { deadlineMs: 5000 }),
  );
}

const statusCommand = defineCommand({
  name: 'status',
  summary: 'show masters, who leads, and workers with their networks',
  description: 'Exit code 1 when so many masters are down that writes stop.',
  usage: '',
  examples: [
    ['for a person', 'trireme cluster status'],
    ['who leads', "trireme cluster status -o json | jq -r '.members[] | select(.leader).name'"],
  ],
  flags: { output },
  completes: 'nothing',
  async run({ args, flags, globals, context }) {
    noWords(args);
    const status = await withConnection({ globals, context }, askStatus);
    context.out(flags.output === 'json' ? `${clusterToJson(status)}\n` : renderCluster(status));
    const trouble = lostQuorum(status);
    if (trouble === undefined) return 0;
    context.err(`${trouble}\n`);
    return 1;
  },
});

const watchCommand = defineCommand({
  name: 'watch',
  summary: 'show the same live; an election shows as it happens',
  description:
    'The whole screen of a terminal (q ends it), plain lines through a pipe. With --demo it kills, pauses and cuts off masters that `up` started, mends them, and says what was lost.',
  usage: '',
  examples: [
    ['live', 'trireme cluster watch'],
    ['one event a line', 'trireme cluster watch -o json'],
    ['elections on purpose', 'trireme cluster watch --demo'],
  ],
  flags: {
    output,
    demo: {
      type: 'bool',
      help: 'kill, pause and cut off masters that `up` started, mend them, and say what was lost',
    },
    yes: { type: 'bool', help: 'with --demo: do not ask' },
    home: {
      type: 'text',
      value: 'DIR',
      help: "with --demo: as given to `up` (default: the kubeconfig's)",
    },
  },
  completes: 'nothing',
  async run({ args, flags, globals, context }) {
    noWords(args);
    const shown =
      flags.output === 'json' ? 'json' : process.stdout.isTTY ? 'screen' : ('plain' as const);
    if (flags.demo === true) {
      const { runDemo } = await import('../demo/demo.js');
      const kubeconfig = globals.kubeconfig ?? process.env['KUBECONFIG'];
      const home = homeOf(flags.home, kubeconfig, '--demo breaks');
      return runDemo(context, { home, output: shown, isAgreed: flags.yes === true });
    }
    if (flags.home !== undefined || flags.yes === true) {
      throw new CommandLineError('--home and --yes go with --demo');
    }
    const { runWatch } = await import('../watch/run.js');
    return withConnection({ globals, context }, (connection) =>
      runWatch(context, connection.channels(), shown),
    );
  },
});

const transferCommand = defineCommand({
  name: 'transfer',
  summary: 'hand leadership over to another master',
  description:
    'Waits until that one leads. No write is lost: those that come meanwhile wait for a moment.',
  usage: 'MASTER',
  examples: [['before work on the one that leads', 'trireme cluster transfer master-2']],
  flags: {},
  completes: 'nothing',
  async run({ args, globals, context }) {
    const [to] = args;
    if (to === undefined || args.length > 1) {
      throw new CommandLineError(`exactly one MASTER is required, got ${args.length}`);
    }
    const { from } = await withConnection({ globals, context }, (connection) =>
      connection.call((channel) =>
        channel.client(ClusterDefinition).transferLeader({ to }, { deadlineMs: 10_000 }),
      ),
    );
    context.out(from === to ? `${to} leads already\n` : `${to} leads, after ${from}\n`);
  },
});

/** `trireme cluster`. */
export const clusterCommand = defineGroup({
  name: 'cluster',
  summary: 'show or watch masters, who leads, and workers; transfer or kill leadership',
  examples: [
    ['how it is', 'trireme cluster status'],
    ['see an election', 'trireme cluster watch'],
  ],
  subcommands: [statusCommand, watchCommand, transferCommand, killLeaderCommand],
});

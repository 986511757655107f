import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { ClusterStatus } from '../../gen/cluster.js';
import { ClusterDefinition } from '../../gen/cluster.js';
import type { ConnectionFlags } from '../connection.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import type { CommandContext } from '../context.js';
import type { ClusterRecord, HostRecord } from '../home.js';
import { homeDirectory, homeFlag, isAlive, readClusterRecord } from '../home.js';
import { lostQuorum } from '../quorum.js';
import { connectionFlags } from '../with-connection.js';

/** The environment of the command beside its output: which processes live, and how one is killed. */
export interface Processes {
  readonly isAlive: (pid: number, dataDir: string) => boolean;
  readonly kill: (pid: number) => void;
}

const ownProcesses: Processes = { isAlive, kill: (pid) => void process.kill(pid, 'SIGKILL') };

/** `trireme cluster kill-leader`: kills the master that leads, of a cluster that `up` started on this machine. */
export const killLeaderCommand = defineCommand({
  name: 'kill-leader',
  summary: 'kill the master that leads (SIGKILL), of a cluster that `up` started here',
  usage: '',
  examples: [
    ['and see another one elected', 'trireme cluster kill-leader'],
    ['which one that is', 'trireme cluster kill-leader --dry-run'],
  ],
  flags: {
    home: {
      type: 'text',
      value: 'DIR',
      help: "as given to `up` (default: the kubeconfig's, else $TRIREME_HOME)",
    },
    'dry-run': { type: 'bool', help: 'name the leader and its process, and leave it alone' },
  },
  completes: 'nothing',
  run: ({ args, flags, globals, context }) => {
    if (args.length > 0) throw new CommandLineError(`unexpected argument "${args[0]}"`);
    const isDry = flags['dry-run'] === true;
    return killLeader({ ...connectionFlags(globals), home: flags.home, isDry }, context);
  },
});

/** @returns the exit code */
export async function killLeader(
  options: ConnectionFlags & { readonly home: string | undefined; readonly isDry: boolean },
  context: CommandContext,
  processes: Processes = ownProcesses,
): Promise<number> {
  const kubeconfig = options.kubeconfig ?? process.env['KUBECONFIG'];
  const home = homeOf(options.home, kubeconfig, 'kill-leader ends');
  const record = await readClusterRecord(home);
  if (record === undefined) {
    throw new Error(
      `no cluster is kept in ${home}: kill-leader ends masters that \`up\` started on this machine, and no others`,
    );
  }
  const connection = await context.connect({
    ...(options.context === undefined ? {} : { context: options.context }),
    kubeconfig: join(home, 'kubeconfig'),
  });
  try {
    const status = await connection.call((channel) =>
      channel.client(ClusterDefinition).status({}, { deadlineMs: 5000 }),
    );
    const leader = leadingHost(status, record, home);
    if (!processes.isAlive(leader.pid, leader.dataDir)) {
      throw new Error(`the process ${leader.pid} of ${leader.name} has ended: look again`);
    }
    const name = `${leader.name}, which leads (process ${leader.pid})`;
    if (options.isDry) {
      context.out(`would kill ${name}\n`);
      return 0;
    }
    processes.kill(leader.pid);
    context.out(`killed ${name}\n`);
    context.err(`it starts again by: scripts/up${homeFlag(home)}\n`);
    return 0;
  } finally {
    connection.close();
  }
}

/**
 * Returns the home that is meant by a command that harms masters.
 * @param kubeconfig the one that the user has named, if any: it must be that of a home, lest another cluster's leader
 *   is killed than the one that every other command would speak to
 * @param doing what is done to masters, for the error
 */
export function homeOf(
  flag: string | undefined,
  kubeconfig: string | undefined,
  doing: string,
): string {
  if (flag !== undefined) return homeDirectory(flag);
  if (kubeconfig === undefined || kubeconfig === '') return homeDirectory(undefined);
  const path = resolve(kubeconfig);
  const home = dirname(path);
  if (basename(path) === 'kubeconfig' && existsSync(join(home, 'cluster.json'))) return home;
  throw new Error(
    `${path} is not the kubeconfig of a cluster that \`up\` started on this machine: ${doing} no other masters. ` +
      'On the machine itself: systemctl kill -s KILL trireme-master',
  );
}

/** The host whose member of the store leads. @throws Error when nobody leads, or no host of the home does */
export function leadingHost(
  status: ClusterStatus,
  record: Pick<ClusterRecord, 'hosts'>,
  home: string,
): HostRecord {
  const leader = status.members.find((member) => member.leader && member.reachable);
  if (leader === undefined) throw new Error(lostQuorum(status) ?? 'no master leads at this moment');
  const host = record.hosts.find((one) => one.role === 'master' && one.name === leader.name);
  if (host !== undefined && leader.clientUrl === clientUrlOf(host)) return host;
  throw new Error(
    `${leader.name} (${leader.clientUrl}) leads, and is no master that \`up\` started for ${home}: it is left alone`,
  );
}

function clientUrlOf({ address, command }: HostRecord): string {
  const flag = '--etcd-client-port=';
  const port = command.find((word) => word.startsWith(flag))?.slice(flag.length) ?? '2379';
  return `https://${address}:${port}`;
}

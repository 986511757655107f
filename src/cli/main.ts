/** Dispatches to commands. Only the module of the command that runs is loaded: start-up time counts. */
import type { CommandContext } from './context.js';

type Main = (argv: readonly string[], context?: CommandContext) => Promise<number | void>;

interface Command {
  readonly summary: string;
  readonly load: () => Promise<Main>;
}

const commands: Readonly<Record<string, Command>> = {
  up: {
    summary: 'start a cluster on this machine',
    load: async () => (await import('./up/up.js')).runUp,
  },
  down: {
    summary: 'stop that cluster and remove what it made on this machine',
    load: async () => (await import('./up/down.js')).runDown,
  },
  cluster: {
    summary: 'show or watch masters, leader and nodes; kill the leader',
    load: async () => (await import('./commands/cluster.js')).runCluster,
  },
  get: {
    summary: 'list objects',
    load: async () => (await import('./commands/get.js')).runGet,
  },
  describe: {
    summary: 'show an object in detail, with its events',
    load: async () => (await import('./commands/describe.js')).runDescribe,
  },
  apply: {
    summary: 'create objects, or change them, as a file says',
    load: async () => (await import('./commands/apply.js')).runApply,
  },
  delete: {
    summary: 'delete objects',
    load: async () => (await import('./commands/apply.js')).runDelete,
  },
  logs: {
    summary: 'print the log of a container',
    load: async () => (await import('./commands/logs.js')).runLogs,
  },
  exec: {
    summary: 'run a command in a container',
    load: async () => (await import('./commands/exec.js')).runExec,
  },
  scale: {
    summary: 'set the number of replicas',
    load: async () => (await import('./commands/scale.js')).runScale,
  },
  rollout: {
    summary: 'show, undo, restart or pause the rollout of a workload',
    load: async () => (await import('./commands/rollout.js')).runRollout,
  },
  token: {
    summary: 'create a token with which machines join',
    load: async () => (await import('./commands/token.js')).runToken,
  },
  doctor: {
    summary: 'look at this machine and its cluster, and say what to mend',
    load: async () => (await import('./commands/doctor.js')).runDoctor,
  },
  snapshot: {
    summary: 'list: the snapshots of the store that masters of this machine keep',
    load: async () => (await import('./commands/snapshot.js')).runSnapshot,
  },
  cert: {
    summary: 'list: when certificates end; renew: those of a worker that was off too long',
    load: async () => (await import('./commands/cert.js')).runCert,
  },
  master: {
    summary: 'run a master: store, API server, scheduler, controllers',
    load: async () => (await import('./master/master.js')).runMaster,
  },
  worker: {
    summary: 'run a worker: the node agent and its network',
    load: async () => (await import('../worker/cmd.js')).runWorker,
  },
  etcd: {
    summary: "run a member of the store alone, with etcd's flags",
    load: async () => {
      const { runEtcdCommand } = await import('../etcd/cmd/run.js');
      return (argv) => runEtcdCommand(argv);
    },
  },
  apiserver: {
    summary: 'run an API server alone',
    load: async () => {
      const { runApiserver } = await import('../master/apiserver/cmd.js');
      return (argv) => runApiserver(argv);
    },
  },
  scheduler: {
    summary: 'run a scheduler alone',
    load: async () => (await import('../master/scheduler/cmd.js')).runScheduler,
  },
  'controller-manager': {
    summary: 'run the controllers alone',
    load: async () => (await import('../master/controllers/cmd.js')).runControllerManager,
  },
  gateway: {
    summary: 'serve one address in front of all masters',
    load: async () => (await import('./commands/gateway.js')).runGateway,
  },
};

/**
 * Runs a command line.
 * @param context of the commands that are clients. @default the process's, which those that are none do not load
 * @returns the exit code
 */
export async function run(argv: readonly string[], context?: CommandContext): Promise<number> {
  const out = (text: string): void => {
    if (context === undefined) process.stdout.write(text);
    else context.out(text);
  };
  const err = (text: string): void => {
    if (context === undefined) process.stderr.write(text);
    else context.err(text);
  };
  const [name = '--help', ...rest] = argv;
  if (name === '--version' || name === 'version') {
    const { buildVersion } = await import('../lib/version.js');
    out(`trireme ${buildVersion} (Kubernetes API v1.33, etcd API 3.5)\n`);
    return 0;
  }
  if (name === '--help' || name === '-h' || name === 'help') {
    out(usage());
    return 0;
  }
  const command = commands[name];
  if (command === undefined) {
    err(`trireme: unknown command "${name}"\n\n${usage()}`);
    return 2;
  }
  try {
    const main = await command.load();
    return (await main(rest, context)) ?? 0;
  } catch (error) {
    const { failureOf } = await import('./failure.js');
    const { text, code } = failureOf(name, error);
    err(text);
    return code;
  }
}

function usage(): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  const lines = Object.entries(commands).map(
    ([name, command]) => `  ${name.padEnd(width)}  ${command.summary}`,
  );
  return `Usage: trireme COMMAND [flags]\n\n${lines.join('\n')}\n\nEach command has --help. --version prints the version.\n`;
}

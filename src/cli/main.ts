/** Dispatches to commands. Only the module of the command that runs is loaded: start-up time counts. */
import type { CommandContext } from './context.js';
import { clusterCommands, declaredCommands, kubeCommands } from './kube-commands.js';
import { runDeclared, runKubeCommand } from './run-kube-command.js';

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
  recover: {
    summary: 'carry a cluster on from this master alone, when its quorum is lost for good',
    load: async () => (await import('./master/recover.js')).runRecover,
  },
  doctor: {
    summary: 'look at this machine and its cluster, and say what to mend',
    load: async () => (await import('./commands/doctor.js')).runDoctor,
  },
  master: {
    summary: 'run a master: store, API server, scheduler, controllers',
    load: async () => (await import('./master/master.js')).runMaster,
  },
  worker: {
    summary: 'run a worker: the node agent, which runs pods',
    load: async () => (await import('../worker/cmd.js')).runWorker,
  },
  netproxy: {
    summary: "run a worker's network: services, DNS, ingress, network policies",
    load: async () => (await import('../worker/proxy/cmd.js')).runNetproxy,
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
    load: async () => {
      const { runScheduler } = await import('../master/scheduler/cmd.js');
      return (argv) => runScheduler(argv);
    },
  },
  'controller-manager': {
    summary: 'run the controllers alone',
    load: async () => {
      const { runControllerManager } = await import('../master/controllers/cmd.js');
      return (argv) => runControllerManager(argv);
    },
  },
  gateway: {
    summary: 'serve one address in front of all masters',
    load: async () => (await import('./commands/gateway.js')).runGateway,
  },
  man: {
    summary: 'write the man pages of the commands below into a directory',
    load: async () => {
      const { runMan } = await import('./commands/man-pages.js');
      const { processContext } = await import('./context.js');
      return (argv, context = processContext) => runMan(declaredCommands, argv, context);
    },
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
  const [first = '--help'] = argv;
  const isLeading = first.startsWith('-') && !['--help', '-h', '--version'].includes(first);
  const words = isLeading
    ? (await import('./command/leading-flags.js')).moveLeadingFlags(argv)
    : argv;
  const [name = '--help', ...rest] = words;
  if (name === '--version' || name === 'version') {
    const [{ buildVersion }, { newestLogVersion }] = await Promise.all([
      import('../lib/version.js'),
      import('../etcd/apply/entry-format.js'),
    ]);
    const apis = 'Kubernetes API v1.33, etcd API 3.5';
    out(`trireme ${buildVersion} (${apis}, log version ${newestLogVersion})\n`);
    return 0;
  }
  if (name === '--help' || name === '-h' || name === 'help') {
    out(await usage());
    return 0;
  }
  if (name === '__complete') {
    const { completeWords } = await import('./commands/complete-words.js');
    const { processContext } = await import('./context.js');
    return completeWords(declaredCommands, Object.keys(commands), rest, context ?? processContext);
  }
  const code =
    (await runKubeCommand(name, rest, context)) ??
    (await runDeclared(clusterCommands, name, rest, context));
  if (code !== undefined) return code;
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    err(await unknownCommand(name));
    return 1;
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

async function unknownCommand(name: string): Promise<string> {
  const { nearest } = await import('./command/nearest.js');
  const like = nearest(name, [...Object.keys(commands), ...Object.keys(declaredCommands)]);
  const hint =
    like.length === 0 ? '' : `\nDid you mean this?\n${like.map((n) => `\t${n}\n`).join('')}`;
  return `error: unknown command "${name}" for "trireme"\n${hint}See 'trireme --help' for all commands.\n`;
}

async function usage(): Promise<string> {
  const { commandLines } = await import('./command/help.js');
  const ofCluster = { ...commands, ...clusterCommands };
  const names = [...Object.keys(ofCluster), ...Object.keys(kubeCommands)];
  const width = Math.max(...names.map((name) => name.length));
  const linesOf = (table: Readonly<Record<string, { readonly summary: string }>>): string =>
    commandLines(
      Object.entries(table).map(([name, { summary }]) => [name, summary]),
      width,
    ).join('\n');
  return `Usage: trireme COMMAND [flags]\n\nThe cluster:\n${linesOf(ofCluster)}\n\nIts objects, as with kubectl:\n${linesOf(kubeCommands)}\n\nEach command has --help. --version prints the version.\n`;
}

import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { ClusterDefinition } from '../../gen/cluster.js';
import type { ClusterStatus } from '../../gen/cluster.js';
import { lockDirectory } from '../../lib/files/directory-lock.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import type { CommandContext } from '../context.js';
import { homeDirectory, homeFlag, packageRoot, readClusterRecord } from '../home.js';
import { Progress } from '../up/progress.js';
import type { Build } from '../upgrade/build.js';
import { readBuild, servesApart } from '../upgrade/build.js';
import { LiveStage } from '../upgrade/live-stage.js';
import { refusalOf } from '../upgrade/plan.js';
import { roll } from '../upgrade/roll.js';

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

/** `trireme upgrade`. */
export const upgradeCommand = defineCommand({
  name: 'upgrade',
  summary: 'bring a cluster to another build, one machine after the other',
  description:
    'Of a cluster that `up` started on this machine, each host is started again with the other build: the masters that follow, then the one that leads, after it has handed leadership over, then the workers. The next one comes when the last is well and has caught up; at the first fault it ends, and the host that does not come up is started with what it ran before. Run again, it goes on where it ended. The same command with the former build goes back, as long as the masters have not agreed on a log version that it does not know. Of a cluster on several machines it says what is to be run on each, and in which order.',
  usage: '[--to DIR]',
  examples: [
    ['to this build', 'trireme upgrade'],
    ['to another one, or back to it', 'trireme upgrade --to ../trireme-0.1'],
    ['what would be done', 'trireme upgrade --dry-run'],
  ],
  flags: {
    to: {
      type: 'text',
      value: 'DIR',
      help: 'the checkout or the unpacked bundle with the build (default this one)',
    },
    home: { type: 'text', value: 'DIR', help: 'the home of a cluster that `up` started' },
    'dry-run': { type: 'bool', help: 'say what would be done' },
  },
  completes: 'nothing',
  async run({ args, flags, globals, context }) {
    if (args.length > 0) throw new CommandLineError(`unexpected argument "${args[0]}"`);
    const build = await readBuild(flags.to ?? packageRoot);
    const home = homeOf(flags.home, globals.kubeconfig ?? process.env['KUBECONFIG']);
    const isDry = flags['dry-run'] === true;
    if (home !== undefined) return upgradeHome(home, build, { isDry, context });
    const { kubeconfig, context: name } = globals;
    const connection = await context.connect({
      ...(kubeconfig === undefined ? {} : { kubeconfig }),
      ...(name === undefined ? {} : { context: name }),
    });
    try {
      const status = await connection.call((channel) =>
        channel.client(ClusterDefinition).status({}, { deadlineMs: 5000 }),
      );
      context.out(machineSteps(status, build));
      return 0;
    } finally {
      connection.close();
    }
  },
});

/** The home that is meant; undefined for a kubeconfig that is none's. */
function homeOf(flag: string | undefined, kubeconfig: string | undefined): string | undefined {
  if (flag !== undefined || kubeconfig === undefined || kubeconfig === '') {
    const home = homeDirectory(flag);
    if (existsSync(join(home, 'cluster.json'))) return home;
    throw plain(`no cluster is kept in ${home}: name its home by --home, or a --kubeconfig`);
  }
  const path = resolve(kubeconfig);
  const home = dirname(path);
  const isOfHome = basename(path) === 'kubeconfig' && existsSync(join(home, 'cluster.json'));
  return isOfHome ? home : undefined;
}

async function upgradeHome(
  home: string,
  build: Build,
  { isDry, context }: { readonly isDry: boolean; readonly context: CommandContext },
): Promise<number> {
  const lock = lockDirectory(home);
  const progress = new Progress(context.clock);
  const stage = new LiveStage(home, build, context.clock, (text) => progress.say(text));
  try {
    const hosts = stage.facts((await readClusterRecord(home)) ?? (await stage.record()));
    const refusal = refusalOf(hosts, build);
    if (refusal !== undefined) throw plain(`${refusal}. Nothing was touched`);
    if (!hosts.some(({ role, isAlive }) => role === 'master' && isAlive)) {
      throw plain(`no master of ${home} runs: scripts/up${homeFlag(home)} starts them`);
    }
    if (isDry) {
      const left = hosts.filter(({ isDone }) => !isDone).map(({ name }) => name);
      if (await stage.hasOldGateway()) left.push('the gateway');
      const whom = left.length === 0 ? 'nothing is left to do' : `would change ${left.join(', ')}`;
      context.out(`to ${build.version} (${build.program}): ${whom}\n`);
      return 0;
    }
    const done = await roll(stage, build);
    const changed = [...done, ...((await stage.renewGateway()) ? ['the gateway'] : [])];
    context.out(
      changed.length === 0
        ? `all hosts run ${build.version} already\n`
        : `${changed.join(', ')}: ${build.version}\n`,
    );
    return 0;
  } finally {
    await stage.close();
    lock.release();
  }
}

/** What is to be done on each machine, in order. */
export function machineSteps(
  { members, nodes }: Pick<ClusterStatus, 'members' | 'nodes'>,
  build: Pick<Build, 'version'> & Partial<Pick<Build, 'flags'>>,
): string {
  // A build from before netproxy was a service leaves the one that is there alone.
  const isBefore = build.flags !== undefined && !servesApart({ flags: build.flags });
  const first = isBefore ? 'sudo systemctl disable --now trireme-netproxy; ' : '';
  const masters = members
    .toSorted((a, b) => Number(a.leader) - Number(b.leader) || (a.name < b.name ? -1 : 1))
    .map(({ name, build: now, leader, reachable }) => ({
      what: `master ${name}`,
      now,
      command: 'sudo scripts/install master',
      note: leader ? ', which leads' : reachable ? '' : ', which does not answer',
    }));
  const workers = nodes
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, build: now, netproxy }) => ({
      what: `worker ${name}`,
      // Its network may have been left behind.
      now: now === build.version ? netproxy?.build || now : now,
      command: `${first}sudo scripts/install worker`,
      note: '',
    }));
  const all = [...masters, ...workers];
  const left = all.filter(({ now }) => now !== build.version);
  if (left.length === 0) return `all machines run ${build.version} already\n`;
  const lines = left.map(({ what, now, command, note }, at) => {
    const runs = now === '' ? '' : ` (${now})`;
    return `${String(at + 1).padStart(3)}. ${what}${runs}${note}: ${command}\n`;
  });
  return (
    'The machines of this cluster are upgraded each on itself, from a checkout or a bundle of the new build:\n' +
    `${lines.join('')}One after the other, in this order; the next one when \`trireme cluster status\` shows all masters as ok.\n`
  );
}

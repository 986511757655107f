/** A restore of a cluster that `up` keeps in a home: the data of its masters, and then `up`. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isApiError } from '../../client/index.js';
import { resources } from '../../client/resources.js';
import { renameDurablySync } from '../../lib/files/rename-durably.js';
import type { CommandContext } from '../context.js';
import { homeFlag, isAlive, readClusterRecord } from '../home.js';
import { recoverMaster } from '../master/recover.js';
import { planMaster } from '../up/hosts.js';
import type { HostPlan } from '../up/hosts.js';
import { upCluster } from '../up/up.js';
import { hasKeys, masterOptionsOf, mastersOfHome } from './masters.js';
import { planRestore } from './restore-plan.js';
import type { FoundMaster, RestorePlan } from './restore-plan.js';
import type { SnapshotFile } from './say-plan.js';
import { sayPlan } from './say-plan.js';

interface HomeFlags {
  readonly home: string;
  readonly 'dry-run': boolean | undefined;
  readonly masters: number;
  readonly workers: number;
  readonly runtime: string;
}

/** Restores a home, new or stopped. @returns the exit code */
export async function restoreHome(
  snapshot: SnapshotFile,
  flags: HomeFlags,
  context: CommandContext,
): Promise<number> {
  const { home } = flags;
  const plan = sayPlan(await planOf(snapshot, home), context);
  if (flags['dry-run'] === true) return 0;
  const isNew = (await readClusterRecord(home)) === undefined;
  // A home that has a cluster keeps as many hosts as it has.
  const masters = String(isNew ? flags.masters : 1);
  const up = { home, masters, runtime: flags.runtime, example: false };
  const stamp = new Date(context.clock.nowMs()).toISOString().replace(/[-:]|\.\d+/g, '');
  // A home that is new begins without workers: nodes of their names are those of machines that are gone.
  await upCluster({ ...up, workers: '0' }, async (layout) => {
    const hosts = await mastersOfHome(home);
    // Asked again behind the lock of the home: somebody may have started it meanwhile.
    const now = await planOf(snapshot, home);
    if ('refusal' in now) sayPlan(now, context);
    const host = hosts.find(({ name }) => name === plan.master.name) ?? planMaster(layout, 0);
    const { aside } = await recoverMaster(optionsOf(host), snapshot.path);
    if (aside !== undefined) context.out(`what ${host.name} had is in ${aside}\n`);
    for (const step of plan.steps.filter(({ kind }) => kind === 'aside')) {
      const from = join(home, step.master);
      const to = `${from}.before-${stamp}`;
      if (existsSync(from)) renameDurablySync(from, to);
      context.out(`what ${step.master} had is in ${to}\n`);
    }
  });
  if (isNew && flags.workers > 0) {
    await forgetNodes(home, flags.workers, context);
    await upCluster({ ...up, workers: String(flags.workers) });
  }
  return 0;
}

function optionsOf(host: HostPlan): ReturnType<typeof masterOptionsOf> {
  return masterOptionsOf(host.command.slice(1));
}

async function planOf(snapshot: SnapshotFile, home: string): Promise<RestorePlan> {
  const hosts = await mastersOfHome(home);
  const found = hosts.map(({ name, dataDir, pid }): FoundMaster => ({
    name,
    dataDir,
    isAlive: isAlive(pid, dataDir),
    hasData: existsSync(join(dataDir, 'master.json')),
    hasKeys: hasKeys(dataDir),
  }));
  const first: FoundMaster = {
    name: 'master-1',
    dataDir: join(home, 'master-1'),
    isAlive: false,
    hasData: false,
    hasKeys: false,
  };
  return planRestore({
    file: snapshot.path,
    revision: snapshot.revision,
    fileHasKeys: snapshot.hasKeys,
    target: { kind: 'home', home, stopCommand: `scripts/down${homeFlag(home)}` },
    masters: found.length > 0 ? found : [first],
    othersThatAnswer: [],
  });
}

/** Deletes the nodes whose names the new workers take: their machines are gone. */
async function forgetNodes(home: string, workers: number, context: CommandContext): Promise<void> {
  const connection = await context.connect({ kubeconfig: join(home, 'kubeconfig') });
  try {
    for (let n = 1; n <= workers; n++) {
      const name = `worker-${n}`;
      try {
        await connection.api.delete(resources.nodes, { name });
        context.out(`deleted the node ${name}, whose machine is gone\n`);
      } catch (error) {
        if (!isApiError(error, 'NotFound')) throw error;
      }
    }
  } finally {
    connection.close();
  }
}

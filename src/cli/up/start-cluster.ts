import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../lib/clock.js';
import { writeWhole } from '../../lib/files/write-whole.js';
import { publicKeyHash } from '../../lib/pki/public-key-hash.js';
import { readAuthority } from '../../master/cluster/pki.js';
import type { ClusterRecord, HostRecord } from '../home.js';
import {
  homeFlag,
  isAlive,
  isStopping,
  programPath,
  readClusterRecord,
  writeClusterRecord,
} from '../home.js';
import { writeClientFiles } from './client-files.js';
import { mendDemoLeftovers } from './demo-leftovers.js';
import type { HostPlan, JoinArguments, Layout } from './hosts.js';
import {
  joinFlag,
  masterAddress,
  masterPorts,
  planMaster,
  planWorker,
  startHost,
  startInBackground,
} from './hosts.js';
import { endOfCertificate, hasJoined, withJoinArguments } from './joined.js';
import { createHostNamespace } from './network.js';
import type { Progress } from './progress.js';
import { knowsNetproxy, startNetwork } from './worker-network.js';
import type { AdminConnection } from './wait.js';
import { connectToCluster, explained, requestToken } from './wait.js';

/** A cluster whose hosts are started, and may not be ready yet. */
export interface StartedCluster {
  readonly admin: AdminConnection;
  /**
   * Starts once again what ran when `up` came and has ended or begun to end since: it was asked to before, and looked
   * alive. What `up` has started itself and ends, ends for a reason.
   */
  readonly revive: () => Promise<void>;
  /** When each host that was started now was started. */
  readonly started: ReadonlyMap<string, number>;
}

/**
 * Starts every host that does not run. Hosts that have joined before start at once; new ones wait until the API gives a
 * token.
 */
export async function startCluster(
  layout: Layout,
  known: ClusterRecord | undefined,
  progress: Progress,
): Promise<StartedCluster> {
  if (known !== undefined) await mendDemoLeftovers(known);
  const hosts = new Map((known?.hosts ?? []).map((host) => [host.name, host]));
  const clock = systemClock();
  const started = new Map<string, number>();
  const record = async (): Promise<void> => saveRecord(layout, [...hosts.values()], known);
  const runs = async (
    name: string,
    pid: number | undefined,
    dataDir: string,
    what: 'host' | 'netproxy' = 'host',
  ): Promise<boolean> => {
    if (pid === undefined) return false;
    if (isStopping(pid)) {
      await progress.until(`${name}, which is stopping, has ended`, 30_000, () =>
        Promise.resolve(isAlive(pid, dataDir, what) ? undefined : true),
      );
    }
    return isAlive(pid, dataDir, what);
  };
  const launch = async (plan: HostPlan): Promise<void> => {
    const isNew = await launchHost(plan);
    const host = hosts.get(plan.name);
    // An agent that runs and has none is of a build from before: it serves the network itself.
    if (host === undefined || (!isNew && host.proxy === undefined)) return;
    const name = `${host.name}'s network`;
    if (await runs(name, host.proxy?.pid, host.dataDir, 'netproxy')) return;
    const { proxy: _ended, ...alone } = host;
    const proxy = (await knowsNetproxy(host.program ?? programPath))
      ? startNetwork(host)
      : undefined;
    hosts.set(host.name, { ...alone, ...(proxy && { proxy }) });
    if (proxy !== undefined) progress.say(`started ${name}`);
  };
  /** @returns false for one that ran already */
  const launchHost = async (plan: HostPlan): Promise<boolean> => {
    const before = hosts.get(plan.name);
    if (await runs(plan.name, before?.pid, plan.dataDir)) return false;
    if (layout.network !== undefined && plan.netns !== null) {
      const { network } = layout;
      await createHostNamespace({ network, namespace: plan.netns, address: plan.address });
    }
    started.set(plan.name, clock.nowMs());
    const program = programOf(plan, progress);
    hosts.set(plan.name, { ...before, ...plan, program, pid: startHost({ ...plan, program }) });
    progress.say(`started ${plan.name} (${plan.address})`);
    return true;
  };
  const first = hosts.get('master-1') ?? planMaster(layout, 0);
  const ended = (host: HostPlan): Date | undefined => endOfCertificate(host, clock.nowMs());
  const joined = (): HostPlan[] =>
    [...hosts.values()].filter((host) => hasJoined(host) && ended(host) === undefined);
  // It founds the cluster if there is none: where another master has one, it joins that, and its lost data come from
  // there.
  if (!joined().some(isMaster)) await launch(first);
  for (const host of joined()) await launch(host);
  await record();
  const keeper = joined().find(isMaster) ?? first;
  const pki = join(keeper.dataDir, 'pki');
  await progress.until('the first master makes its keys', 20_000, async () =>
    existsSync(join(pki, 'admin.key')) ? true : undefined,
  );
  await writeClientFiles(layout, pki, clock);
  const missing = (name: string): boolean => {
    const host = hosts.get(name);
    if (host === undefined) return true;
    return host.name !== keeper.name && (!hasJoined(host) || ended(host) !== undefined);
  };
  const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
  const newMasters = numbers(layout.masters).filter((n) => missing(`master-${n + 1}`));
  const newWorkers = numbers(layout.workers).filter((n) => missing(`worker-${n + 1}`));
  if (newMasters.length + newWorkers.length > 0) {
    const servers = joined().filter(isMaster);
    const joining = await joinArguments(
      layout,
      pki,
      servers.length > 0 ? servers : [first],
      progress,
    );
    for (const n of newMasters) {
      const before = hosts.get(`master-${n + 1}`);
      const isKept = before !== undefined;
      await launch(isKept ? withJoinArguments(before, joining) : planMaster(layout, n, joining));
    }
    for (const n of newWorkers) {
      const host = hosts.get(`worker-${n + 1}`);
      const end = host === undefined ? undefined : ended(host);
      if (host === undefined || end === undefined) await launch(planWorker(layout, n, joining));
      else {
        const day = end.toISOString();
        progress.say(`the certificate of ${host.name} ended on ${day}, while it was off: renewed`);
        await launch(withJoinArguments(host, joining));
      }
    }
    await record();
  }
  const ran = new Set([...hosts.values()].filter(({ name }) => !started.has(name)));
  const revive = async (): Promise<void> => {
    const ends = ({ pid, dataDir, proxy }: HostRecord): boolean =>
      isStopping(pid) ||
      !isAlive(pid, dataDir) ||
      (proxy !== undefined && (isStopping(proxy.pid) || !isAlive(proxy.pid, dataDir, 'netproxy')));
    for (const host of [...ran].filter(ends)) {
      ran.delete(host);
      await launch(host);
      await record();
    }
  };
  return { admin: await connectToCluster(layout.home), revive, started };
}

/** The build that a host is started with: the one that it ran, which `upgrade` changes, or this one. */
function programOf({ name, program }: HostPlan, progress: Progress): string {
  if (program === undefined) return programPath;
  if (existsSync(program)) return program;
  progress.say(`${name} ran ${program}, which is gone: it is started with ${programPath}`);
  return programPath;
}

function isMaster(host: HostPlan): boolean {
  return host.role === 'master';
}

/** Returns the arguments by which new hosts join: a token, from masters that are part of the cluster. */
async function joinArguments(
  layout: Layout,
  pki: string,
  members: readonly HostPlan[],
  progress: Progress,
): Promise<JoinArguments> {
  const connection = await connectToCluster(layout.home);
  try {
    const token = await progress
      .until('the API answers', 60_000, () => requestToken(connection))
      .catch(async (error: unknown) => {
        throw await explained(error, connection, (name) =>
          recoverCommand(members, name, layout.home),
        );
      });
    progress.say('the API answers');
    const tokenFile = join(layout.home, 'join-token');
    await writeWhole(tokenFile, `${token}\n`);
    return {
      servers: members.map(({ name }) => grpcAddress(layout, name)).join(','),
      tokenFile,
      caHash: publicKeyHash((await readAuthority(pki, 'ca')).cert),
    };
  } finally {
    connection.close();
  }
}

/** The command line that makes a stopped master the only one. */
export function recoverCommand(hosts: readonly HostPlan[], name: string, home: string): string {
  const host = hosts.find((one) => one.name === name);
  if (host === undefined) return 'trireme master recover';
  const enter = host.netns === null ? '' : `nsenter --net=/run/netns/${host.netns} `;
  const flags = host.command.slice(1).filter((flag) => !joinFlag.test(flag));
  return `${enter}bin/trireme master recover ${flags.join(' ')} (and then scripts/up${homeFlag(home)} again)`;
}

function grpcAddress(layout: Layout, name: string): string {
  const n = Number(name.slice('master-'.length)) - 1;
  return `${masterAddress(layout, n)}:${masterPorts(layout, n).grpc}`;
}

async function saveRecord(
  layout: Layout,
  hosts: readonly HostRecord[],
  known: ClusterRecord | undefined,
): Promise<void> {
  const logFile = join(layout.home, 'logs', 'gateway.log');
  const { network } = layout;
  // The record of now: it is written more than once, and one that was started meanwhile must not be forgotten.
  const running = (await readClusterRecord(layout.home))?.gateway ?? known?.gateway ?? null;
  let gateway = running;
  if (network !== undefined && (running === null || !isAlive(running.pid))) {
    const targets = Array.from(
      { length: layout.masters },
      (_, n) => `${masterAddress(layout, n)}:${masterPorts(layout, n).rest}`,
    ).join(',');
    const command = ['gateway', `--listen=${network.prefix}.1:6443`, `--targets=${targets}`];
    gateway = { pid: startInBackground(command, logFile, null), logFile };
  }
  await writeClusterRecord(layout.home, {
    hosts: hosts.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    gateway,
    network:
      network === undefined ? null : { bridge: network.bridge, subnet: `${network.prefix}.0/24` },
    runtime: layout.runtime,
  });
}

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../lib/clock.js';
import { writeWhole } from '../../lib/files/write-whole.js';
import { publicKeyHash } from '../../lib/pki/public-key-hash.js';
import type { ClusterRecord, HostRecord } from '../home.js';
import { isAlive, readClusterRecord, writeClusterRecord } from '../home.js';
import { writeClientFiles } from './client-files.js';
import type { HostPlan, JoinArguments, Layout } from './hosts.js';
import {
  masterAddress,
  masterPorts,
  planMaster,
  planWorker,
  startHost,
  startInBackground,
} from './hosts.js';
import { createHostNamespace } from './network.js';
import type { Progress } from './progress.js';
import type { AdminConnection } from './wait.js';
import { connectToCluster, requestToken } from './wait.js';

/**
 * Starts every host that does not run. Those that have joined before need nobody and start at once; new ones wait until the API gives a
 * token.
 */
export async function startCluster(
  layout: Layout,
  known: ClusterRecord | undefined,
  progress: Progress,
): Promise<AdminConnection> {
  const hosts = new Map((known?.hosts ?? []).map((host) => [host.name, host]));
  const record = async (): Promise<void> => saveRecord(layout, [...hosts.values()], known);
  const launch = async (plan: HostPlan): Promise<void> => {
    const before = hosts.get(plan.name);
    if (before !== undefined && isAlive(before.pid)) return;
    if (layout.network !== undefined && plan.netns !== null) {
      const { network } = layout;
      await createHostNamespace({ network, namespace: plan.netns, address: plan.address });
    }
    hosts.set(plan.name, { ...plan, pid: startHost(plan) });
    progress.say(`started ${plan.name} (${plan.address})`);
  };
  await launch(hosts.get('master-1') ?? planMaster(layout, 0));
  for (const host of [...hosts.values()].filter(hasJoined)) await launch(host);
  await record();
  const pki = join(layout.home, 'master-1', 'pki');
  await progress.until('the first master makes its keys', 20_000, async () =>
    existsSync(join(pki, 'admin.key')) ? true : undefined,
  );
  await writeClientFiles(layout, systemClock());
  const missing = (name: string): boolean => {
    const host = hosts.get(name);
    return host === undefined || !hasJoined(host);
  };
  const masters = Array.from({ length: layout.masters }, (_, n) => n).slice(1);
  const workers = Array.from({ length: layout.workers }, (_, n) => n);
  const newMasters = masters.filter((n) => missing(`master-${n + 1}`));
  const newWorkers = workers.filter((n) => missing(`worker-${n + 1}`));
  if (newMasters.length + newWorkers.length > 0) {
    const joining = await joinArguments(layout, pki, progress);
    for (const n of newMasters) await launch(planMaster(layout, n, joining));
    for (const n of newWorkers) await launch(planWorker(layout, n, joining));
    await record();
  }
  return connectToCluster(layout.home);
}

/** True for a host that has its keys: it starts again without a token. */
function hasJoined(host: HostPlan): boolean {
  const proof = host.role === 'master' ? 'master.json' : 'credentials.json';
  return existsSync(join(host.dataDir, proof));
}

/** What new hosts need: a token from the first master, since the others may not be there yet. */
async function joinArguments(
  layout: Layout,
  pki: string,
  progress: Progress,
): Promise<JoinArguments> {
  const first = await connectToCluster(layout.home, 'master-1');
  try {
    const token = await progress.until('the API answers', 60_000, () => requestToken(first));
    progress.say('the API answers');
    const servers = `${masterAddress(layout, 0)}:${masterPorts(layout, 0).grpc}`;
    const tokenFile = join(layout.home, 'join-token');
    await writeWhole(tokenFile, `${token}\n`);
    return { servers, tokenFile, caHash: publicKeyHash(await readFile(join(pki, 'ca.crt'))) };
  } finally {
    first.close();
  }
}

async function saveRecord(
  layout: Layout,
  hosts: readonly HostRecord[],
  known: ClusterRecord | undefined,
): Promise<void> {
  const logFile = join(layout.home, 'logs', 'gateway.log');
  const { network } = layout;
  const running = known?.gateway ?? (await readClusterRecord(layout.home))?.gateway ?? null;
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

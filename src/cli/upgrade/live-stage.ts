import { readFile } from 'node:fs/promises';
import { statSync } from 'node:fs';
import { connect as connectTo } from 'node:net';
import { join } from 'node:path';
import { findCondition } from '../../api/facts/conditions.js';
import type { Node } from '../../api/types/core.js';
import { resources } from '../../client/resources.js';
import { storedLogVersion } from '../../etcd/backend/stored-log-version.js';
import type { ClusterStatus } from '../../gen/cluster.js';
import type { Clock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import { fixedTls } from '../../lib/pki/tls-source.js';
import { EtcdAdmin } from '../../master/cluster/etcd-admin.js';
import type { ClusterRecord, HostRecord } from '../home.js';
import { isAlive, isStopping, readClusterRecord, writeClusterRecord } from '../home.js';
import { planProxy, startHost, startInBackground } from '../up/hosts.js';
import { untilValue } from '../up/progress.js';
import { knowsNetproxy, networkAnswers, startNetwork } from '../up/worker-network.js';
import type { AdminConnection } from '../up/wait.js';
import { connectToCluster } from '../up/wait.js';
import type { Build } from './build.js';
import { servesApart } from './build.js';
import type { HostFacts } from './plan.js';
import { notReady } from './plan.js';
import { programOf, runsBuild, signal, wordsOf } from './processes.js';
import type { UpgradeStage } from './roll.js';

/** What has not come about after so long will not. */
const patienceMs = 120_000;
/** A host that is asked to end is killed after so long. */
const graceMs = 30_000;
const lookEveryMs = 100;
const callMs = 2000;

/** The hosts of a home on this machine. */
export class LiveStage implements UpgradeStage {
  readonly #home: string;
  readonly #build: Build;
  readonly #clock: Clock;
  readonly #say: (text: string) => void;
  readonly #connections = new Map<string, Promise<AdminConnection>>();
  readonly #startedMs = new Map<string, number>();
  /** How long each log was when its host was started. */
  readonly #logBytes = new Map<string, number>();

  constructor(home: string, build: Build, clock: Clock, say: (text: string) => void) {
    this.#home = home;
    this.#build = build;
    this.#clock = clock;
    this.#say = say;
  }

  say(text: string): void {
    this.#say(text);
  }

  async record(): Promise<ClusterRecord> {
    const record = await readClusterRecord(this.#home);
    if (record === undefined) throw new Error(`no cluster is kept in ${this.#home}`);
    return record;
  }

  facts({ hosts }: ClusterRecord): readonly HostFacts[] {
    return hosts.map((host) => {
      const { name, role, pid, dataDir, command } = host;
      const lives = isAlive(pid, dataDir) && !isStopping(pid);
      return {
        name,
        role,
        isAlive: lives,
        program: lives ? programOf(pid) : undefined,
        isDone: lives && runsBuild(pid, this.#build) && this.#hasItsNetwork(host),
        command: command.slice(1),
        // Read where it is asked for, before anything is touched: a store that is starting is let alone.
        get logVersion() {
          return role === 'master' ? storedLogVersion(join(dataDir, 'etcd')) : undefined;
        },
      };
    });
  }

  async status(): Promise<ClusterStatus> {
    return this.until('a master answers', async () => (await this.#admin('trireme')).status());
  }

  async transfer(from: string, to: string): Promise<void> {
    const { members } = await this.status();
    const [leader, target] = [from, to].map((name) => members.find((one) => one.name === name));
    const host = (await this.record()).hosts.find(({ name }) => name === from);
    if (leader === undefined || target === undefined || host === undefined) return;
    const read = (name: string): Promise<Buffer> => readFile(join(host.dataDir, 'pki', name));
    const [ca, cert, key] = await Promise.all([
      read('etcd-ca.crt'),
      read('apiserver-etcd-client.crt'),
      read('apiserver-etcd-client.key'),
    ]);
    const store = new EtcdAdmin({
      endpoints: [leader.clientUrl],
      tls: fixedTls({ ca, cert, key }),
      log: silentLogger,
      clock: this.#clock,
    });
    try {
      await this.until(`${to} leads`, async () => {
        const now = (await this.status()).members.find((one) => one.leader && one.reachable);
        if (now !== undefined && now.name !== from) return true;
        await store.moveLeader(leader.clientUrl, target.id);
        return undefined;
      });
    } finally {
      store.close();
    }
  }

  stop({ name, pid, dataDir }: HostRecord): Promise<void> {
    return this.#end(name, pid, dataDir, 'host');
  }

  async #end(name: string, pid: number, dataDir: string, what: 'host' | 'netproxy'): Promise<void> {
    const isGone = (): Promise<true | undefined> =>
      Promise.resolve(isAlive(pid, dataDir, what) ? undefined : true);
    // Of one that has ended, the id may be another's by now.
    if ((await isGone()) === true) return;
    signal(pid, 'SIGTERM');
    await this.until(`${name} ends`, isGone, graceMs).catch(() => signal(pid, 'SIGKILL'));
    await this.until(`${name} ends`, isGone, graceMs);
  }

  async start(host: HostRecord, program: string): Promise<void> {
    this.#startedMs.set(host.name, this.#clock.nowMs());
    const logged = statSync(host.logFile, { throwIfNoEntry: false })?.size ?? 0;
    this.#logBytes.set(host.name, logged);
    const next = await this.#withNetwork({ ...host, program }, program);
    const pid = startHost(next);
    await this.#write({ ...next, pid });
  }

  /** Starts a worker's network with a build, or ends it where the agent of that build serves it itself. */
  async #withNetwork(host: HostRecord, program: string): Promise<HostRecord> {
    const { proxy: before, ...alone } = host;
    if (before !== undefined) {
      await this.#end(`${host.name}'s network`, before.pid, host.dataDir, 'netproxy');
    }
    // Which build served before is not written down: it is asked.
    const proxy = (await knowsNetproxy(program)) ? startNetwork(host) : undefined;
    const next = proxy === undefined ? alone : { ...alone, proxy };
    await this.#write(next);
    return next;
  }

  async #write(host: HostRecord): Promise<void> {
    const record = await this.record();
    const hosts = record.hosts.map((one) => (one.name === host.name ? host : one));
    await writeClusterRecord(this.#home, { ...record, hosts });
  }

  /** True for a master, and for a worker whose network runs the build, in the agent or apart from it. */
  #hasItsNetwork(host: HostRecord): boolean {
    if (planProxy(host) === undefined || !servesApart(this.#build)) return true;
    return host.proxy !== undefined && runsBuild(host.proxy.pid, this.#build);
  }

  async trouble(name: string): Promise<string | undefined> {
    const record = await this.record();
    const host = record.hosts.find((one) => one.name === name);
    if (host?.role === 'master') return this.#troubleOfMaster(name);
    if (host?.proxy !== undefined) {
      const { proxy, dataDir } = host;
      if (!isAlive(proxy.pid, dataDir, 'netproxy')) {
        return `its network has ended: ${proxy.logFile}`;
      }
      if (!(await networkAnswers(dataDir))) return 'its network does not listen to its agent yet';
    }
    return this.#troubleOfWorker(name);
  }

  /** It answers itself, reads objects from its store, and has caught up. */
  async #troubleOfMaster(name: string): Promise<string | undefined> {
    const own = await this.#admin(name);
    const { members } = await own.status();
    const behind = notReady(members, undefined);
    if (behind === undefined) return 'no master leads';
    if (behind.includes(name)) return 'it has not caught up';
    await own.api.list<Node>(resources.nodes, { deadlineMs: callMs });
    return undefined;
  }

  /** It has said since its start that it is ready. */
  async #troubleOfWorker(name: string): Promise<string | undefined> {
    const { api } = await this.#admin('trireme');
    const node = await api.get<Node>(resources.nodes, { name });
    const ready = findCondition(node.status?.conditions, 'Ready');
    if (ready?.status !== 'True') return `the node is not ready: ${ready?.message ?? 'not known'}`;
    // Heartbeats have whole seconds.
    const sinceMs = Math.floor((this.#startedMs.get(name) ?? 0) / 1000) * 1000;
    const isOld = Date.parse(ready.lastHeartbeatTime ?? '') < sinceMs;
    return isOld ? 'the node has not said since that it is ready' : undefined;
  }

  async lastWords(name: string): Promise<string> {
    const host = (await this.record()).hosts.find((one) => one.name === name);
    const log = await readFile(host?.logFile ?? '').catch(() => Buffer.alloc(0));
    const since = log.subarray(this.#logBytes.get(name) ?? 0).toString('utf8');
    return since.trimEnd().split('\n').slice(-3).join('\n');
  }

  /** True while the process that gives the masters one address runs another build. */
  async hasOldGateway(): Promise<boolean> {
    const { gateway } = await this.record();
    if (gateway === null || !isAlive(gateway.pid)) return false;
    return wordsOf(gateway.pid).includes('gateway') && !runsBuild(gateway.pid, this.#build);
  }

  /** The gateway has no data. @returns false where there is none, or it runs the build already */
  async renewGateway(): Promise<boolean> {
    const { gateway } = await this.record();
    if (gateway === null || !(await this.hasOldGateway())) return false;
    const { pid, logFile } = gateway;
    const words = wordsOf(pid);
    const at = words.indexOf('gateway');
    signal(pid, 'SIGTERM');
    const isGone = (): Promise<true | undefined> =>
      Promise.resolve(isAlive(pid) ? undefined : true);
    await this.until('the gateway ends', isGone, graceMs).catch(() => signal(pid, 'SIGKILL'));
    const next = startInBackground(words.slice(at), logFile, null, this.#build.program);
    const record = await this.record();
    await writeClusterRecord(this.#home, { ...record, gateway: { pid: next, logFile } });
    const address = words.find((word) => word.startsWith('--listen='))?.slice('--listen='.length);
    await this.until('the gateway answers', () => accepts(address ?? ''));
    this.say(`the gateway runs ${this.#build.version}`);
    return true;
  }

  async until<T>(
    what: string,
    holds: () => Promise<T | undefined>,
    waitMs = patienceMs,
  ): Promise<T> {
    return await untilValue(what, holds, {
      clock: this.#clock,
      patienceMs: waitMs,
      everyMs: lookEveryMs,
    });
  }

  async close(): Promise<void> {
    const opened = await Promise.allSettled(this.#connections.values());
    for (const one of opened) if (one.status === 'fulfilled') one.value.close();
  }

  #admin(context: string): Promise<AdminConnection> {
    const known = this.#connections.get(context) ?? connectToCluster(this.#home, context);
    this.#connections.set(context, known);
    // What failed is tried again.
    known.catch(() => this.#connections.delete(context));
    return known;
  }
}

/** True once something listens at `host:port`. */
function accepts(address: string): Promise<true> {
  const at = address.lastIndexOf(':');
  const socket = connectTo({ host: address.slice(0, at), port: Number(address.slice(at + 1)) });
  return new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(true));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed')));
  }).finally(() => socket.destroy()) as Promise<true>;
}

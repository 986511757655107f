/** The load of `main.ts` on one master, step by step, and the figures of each step. */
import { performance } from 'node:perf_hooks';
import type { MasterProcess } from '../lib/master-process.js';
import { cpuMs, memoryOf, threadCpuMs } from '../lib/process-stats.js';
import { RestClient, spread } from '../lib/rest-client.js';
import { median, quantile } from '../lib/stats.js';
import { sleep } from '../lib/wait.js';
import { HollowNodes } from './hollow-nodes.js';

/** Figures by their names; names that end in `/s` are better when they are higher. */
export type Figures = Record<string, number>;

export interface LoadOptions {
  readonly nodes: number;
  /** Pods that are created one by one, in one namespace after another; lists are read of the last. */
  readonly pods: readonly number[];
  /** Replicas of a Deployment. */
  readonly deployment: number;
  /** Patches of ConfigMaps, after the rest. */
  readonly writes: number;
  /** Watchers of the ConfigMaps of one namespace that hear 100 updates a second for ten seconds. */
  readonly watchers: number;
}

/** Few, so that a busy machine still answers within the time that a leader has to renew its lease. */
const clients = 12;
const readers = 12;
const gets = 2_000;
const lists = 15;
/** Garbage that waits for a collection, and connections that end, are no part of what a master holds. */
const settleMs = 5_000;
const stallMs = 300_000;

export class Load {
  readonly #master: MasterProcess;
  readonly #options: LoadOptions;
  readonly #client: RestClient;
  readonly #nodes: HollowNodes;
  readonly #figures: Figures = {};
  #pods = 0;

  constructor(master: MasterProcess, options: LoadOptions) {
    this.#master = master;
    this.#options = options;
    this.#client = new RestClient(master.access, clients);
    this.#nodes = new HollowNodes(new RestClient(master.access, clients), options.nodes);
  }

  async run(): Promise<Figures> {
    const { pods, deployment, watchers, writes, nodes } = this.#options;
    const { pid } = this.#master;
    await this.#nodes.start();
    const before = cpuMs(pid);
    const threadsBefore = threadCpuMs(pid);
    const times: number[] = [];
    for (const [at, count] of pods.entries()) {
      const name = `direct-${at}`;
      await this.#createPods(name, count, times);
      await this.#read(name, count);
    }
    if (deployment > 0) await this.#deploy(deployment);
    this.#figures['CPU s, whole load'] = (cpuMs(pid) - before) / 1_000;
    for (const [at, ms] of threadCpuMs(pid).entries()) {
      const usedMs = ms - (threadsBefore[at] ?? 0);
      if (usedMs >= 500) this.#figures[`CPU s, thread ${at}`] = usedMs / 1_000;
    }
    if (times.length > 0) {
      this.#figures['POST pod, p50 ms'] = median(times);
      this.#figures['POST pod, p99 ms'] = quantile(times, 0.99);
    }
    await sleep(settleMs);
    this.#figures[`MiB with ${nodes} nodes, ${this.#pods} pods`] = memoryOf(pid).pssMib;
    if (watchers > 0) await this.#fanOut(watchers);
    if (writes > 0) await this.#write(writes);
    return this.#figures;
  }

  close(): void {
    this.#nodes.stop();
    this.#client.close();
  }

  async #namespace(name: string): Promise<void> {
    await this.#client.call('POST', '/api/v1/namespaces', { metadata: { name } });
    const account = `/api/v1/namespaces/${name}/serviceaccounts/default`;
    await this.#until('the namespace has its account', async () => {
      const found = await this.#client.call('GET', account).catch(() => 0);
      return found > 0;
    });
  }

  async #createPods(namespace: string, count: number, times: number[]): Promise<void> {
    await this.#namespace(namespace);
    await this.#bind(`${count} pods`, count, async () => {
      const path = `/api/v1/namespaces/${namespace}/pods`;
      times.push(
        ...(await spread(count, clients, (at) =>
          this.#client.call('POST', path, {
            apiVersion: 'v1',
            kind: 'Pod',
            metadata: { name: `pod-${at}`, labels: { app: 'bench' } },
            spec: podSpec(),
          }),
        )),
      );
    });
  }

  async #deploy(replicas: number): Promise<void> {
    await this.#namespace('deployed');
    await this.#bind(`Deployment of ${replicas}`, replicas, async () => {
      const labels = { app: 'bench' };
      await this.#client.call('POST', '/apis/apps/v1/namespaces/deployed/deployments', {
        metadata: { name: 'd' },
        spec: {
          replicas,
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: podSpec() },
        },
      });
    });
  }

  /** Measures a step that makes `count` pods, until nodes have heard of all, and further until all run. */
  async #bind(name: string, count: number, step: () => Promise<void>): Promise<void> {
    const { pid } = this.#master;
    const startMs = performance.now();
    const before = cpuMs(pid);
    await step();
    this.#pods += count;
    await this.#until(`pods of ${name} are bound`, () => this.#nodes.bound >= this.#pods);
    this.#figures[`${name}, bound/s`] = (count * 1_000) / (performance.now() - startMs);
    await this.#until(`pods of ${name} run`, () => this.#nodes.running >= this.#pods);
    this.#figures[`${name}, CPU ms a pod`] = (cpuMs(pid) - before) / count;
  }

  async #read(namespace: string, count: number): Promise<void> {
    const { pid } = this.#master;
    const path = `/api/v1/namespaces/${namespace}/pods`;
    let before = cpuMs(pid);
    const times = await spread(gets, readers, (at) =>
      this.#client.call('GET', `${path}/pod-${at % count}`),
    );
    this.#figures['GET pod, CPU us'] = ((cpuMs(pid) - before) * 1_000) / gets;
    this.#figures['GET pod, p50 ms'] = median(times);
    this.#figures['GET pod, p99 ms'] = quantile(times, 0.99);
    before = cpuMs(pid);
    const listTimes = await spread(lists, 1, () => this.#client.call('GET', path));
    this.#figures[`LIST ${count} pods, CPU ms`] = (cpuMs(pid) - before) / lists;
    this.#figures[`LIST ${count} pods, p50 ms`] = median(listTimes);
  }

  async #fanOut(watchers: number): Promise<void> {
    const { pid } = this.#master;
    await this.#namespace('fan');
    const path = '/api/v1/namespaces/fan/configmaps';
    await this.#client.call('POST', path, { metadata: { name: 'c' }, data: { n: '0' } });
    let heard = 0;
    let failure: Error | undefined;
    const onEnd = (error: Error): void => void (failure ??= error);
    await spread(watchers, clients, () =>
      this.#client.watch(`${path}?watch=1&resourceVersion=0`, () => void heard++, onEnd),
    );
    await this.#until('the watchers have heard of it', () => heard >= watchers);
    const updates = 1_000;
    const before = cpuMs(pid);
    const startMs = performance.now();
    for (let at = 0; at < updates; at++) {
      const earlyMs = startMs + at * 10 - performance.now();
      if (earlyMs > 0) await sleep(earlyMs);
      await this.#client.patch(`${path}/c`, {
        type: 'application/merge-patch+json',
        body: { data: { n: String(at + 1) } },
      });
    }
    await this.#until('the watchers have heard all', () => {
      if (failure !== undefined) throw failure;
      return heard >= watchers * (updates + 1);
    });
    const usedMs = cpuMs(pid) - before;
    this.#figures[`${watchers} watchers, an event, CPU us`] =
      (usedMs * 1_000) / (updates * watchers);
    this.#figures[`${watchers} watchers, 100 updates/s, cores`] = usedMs / (updates * 10);
  }

  async #write(count: number): Promise<void> {
    const { pid } = this.#master;
    const path = '/api/v1/namespaces/default/configmaps';
    const objects = clients;
    const data = { text: 'x'.repeat(200) };
    for (let at = 0; at < objects; at++) {
      await this.#client.call('POST', path, { metadata: { name: `c${at}` }, data });
    }
    const before = cpuMs(pid);
    // Each client changes an object of its own: none has to try again.
    const change = (object: number): Promise<number[]> =>
      spread(count / objects, 1, (at) =>
        this.#client.patch(`${path}/c${object}`, {
          type: 'application/merge-patch+json',
          body: { data: { n: String(at) } },
        }),
      );
    const times = (
      await Promise.all(Array.from({ length: objects }, (_, at) => change(at)))
    ).flat();
    this.#figures['PATCH ConfigMap, CPU us'] = ((cpuMs(pid) - before) * 1_000) / count;
    this.#figures['PATCH ConfigMap, p99 ms'] = quantile(times, 0.99);
    this.#figures[`MiB after ${count} writes`] = memoryOf(pid).pssMib;
    await sleep(settleMs);
    this.#figures[`MiB ${settleMs / 1_000} s later`] = memoryOf(pid).pssMib;
  }

  async #until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    const startMs = performance.now();
    while (!(await condition())) {
      if (performance.now() - startMs > stallMs) throw new Error(`no end until ${what}`);
      await sleep(5);
    }
  }
}

function podSpec(): object {
  const resources = { requests: { cpu: '10m', memory: '8Mi' } };
  return { containers: [{ name: 'c', image: 'busybox', resources }] };
}

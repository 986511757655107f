/** Reports the resource use of pods and containers in the shape of kubelet's stats/summary. */
import type { Clock } from '../../lib/clock.js';
import type { ContainerStats } from '../../runtime/types.js';
import type { WorkerNode } from '../agent/worker-node.js';
import { formatTime } from '../../api/facts/time.js';
import type { PodWorker } from '../run/pod-worker.js';
import { keyOf } from '../run/node-context.js';
import { cpus, freemem, totalmem } from 'node:os';

interface Usage {
  readonly cpu: { time: string; usageNanoCores: number; usageCoreNanoSeconds: number };
  readonly memory: { time: string; usageBytes: number; workingSetBytes: number; rssBytes: number };
}

/** Keeps the last reading of each container, since a rate needs two. Bounded by the containers that run. */
export class StatsSummary {
  #last = new Map<string, ContainerStats>();
  readonly #clock: Clock;
  readonly #startedMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedMs = clock.nowMs();
  }

  async read(node: WorkerNode): Promise<object> {
    const all = await node.context.runtime.stats();
    const before = this.#last;
    this.#last = new Map(all.map((stats) => [stats.id, stats]));
    const pods = [...node.pods.workers.values()].flatMap((worker) => this.#pod(worker, before));
    return { node: this.#node(node.context.nodeName), pods };
  }

  #pod(worker: PodWorker, before: ReadonlyMap<string, ContainerStats>): object[] {
    const { uid, name, namespace } = keyOf(worker.pod);
    const containers: (Usage & { name: string; startTime: string })[] = [];
    for (const tracked of worker.state.trackedContainers.values()) {
      const stats = this.#last.get(tracked.current?.id ?? '');
      if (stats === undefined) continue;
      const startTime = formatTime(tracked.current?.startedAtMs ?? 0);
      containers.push({ name: tracked.name, startTime, ...usage(stats, before.get(stats.id)) });
    }
    if (containers.length === 0) return [];
    const startTime = formatTime(worker.state.startedAtMs);
    return [{ podRef: { name, namespace, uid }, startTime, containers, ...sum(containers) }];
  }

  #node(nodeName: string): object {
    const time = formatTime(this.#clock.nowMs());
    // Of all CPUs since the machine started, from the kernel's own account.
    const nanos = cpus().reduce(
      (total, { times }) => total + (times.user + times.nice + times.sys) * 1e6,
      0,
    );
    const usedBytes = totalmem() - freemem();
    return {
      nodeName,
      startTime: formatTime(this.#startedMs),
      cpu: { time, usageCoreNanoSeconds: nanos },
      memory: {
        time,
        availableBytes: freemem(),
        usageBytes: usedBytes,
        workingSetBytes: usedBytes,
      },
    };
  }
}

function usage(stats: ContainerStats, before: ContainerStats | undefined): Usage {
  const time = formatTime(stats.atMs);
  const passedMs = stats.atMs - (before?.atMs ?? stats.atMs);
  const spent = stats.cpuUsageNanos - (before?.cpuUsageNanos ?? stats.cpuUsageNanos);
  return {
    cpu: {
      time,
      usageNanoCores: passedMs <= 0 ? 0 : Math.max(0, Math.round((spent * 1000) / passedMs)),
      usageCoreNanoSeconds: stats.cpuUsageNanos,
    },
    memory: {
      time,
      usageBytes: stats.memoryUsageBytes,
      workingSetBytes: stats.memoryWorkingSetBytes,
      rssBytes: stats.memoryRssBytes,
    },
  };
}

function sum(parts: readonly Usage[]): Usage {
  const total = (pick: (part: Usage) => number): number =>
    parts.reduce((all, part) => all + pick(part), 0);
  const time = parts[0]?.cpu.time ?? '';
  return {
    cpu: {
      time,
      usageNanoCores: total(({ cpu }) => cpu.usageNanoCores),
      usageCoreNanoSeconds: total(({ cpu }) => cpu.usageCoreNanoSeconds),
    },
    memory: {
      time,
      usageBytes: total(({ memory }) => memory.usageBytes),
      workingSetBytes: total(({ memory }) => memory.workingSetBytes),
      rssBytes: total(({ memory }) => memory.rssBytes),
    },
  };
}

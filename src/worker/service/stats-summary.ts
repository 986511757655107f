/** Reports the resource use of pods and containers in the shape of kubelet's stats/summary. */
import type { Clock } from '../../lib/clock.js';
import type { ContainerStats } from '../../runtime/types.js';
import type { WorkerNode } from '../agent/worker-node.js';
import { formatTime } from '../../api/facts/time.js';
import type { PodWorker } from '../run/pod-worker.js';
import { keyOf } from '../run/node-context.js';
import type { CpuRate, MachineUsage, UsageSpan } from './usage-meter.js';
import { cpuRate, readMachine, UsageMeter } from './usage-meter.js';

/** CPU as kubelet tells it; the rate is missing where it is not known, and comes with its time, which kubelet omits. */
interface CpuUsage extends Partial<CpuRate> {
  readonly time: string;
  readonly usageCoreNanoSeconds: number;
}

interface Usage {
  readonly cpu: CpuUsage;
  readonly memory: { time: string; usageBytes: number; workingSetBytes: number; rssBytes: number };
}

interface ContainerUsage extends Usage {
  readonly name: string;
  readonly startTime: string;
}

/** The summary of one node. */
export class StatsSummary {
  readonly #clock: Clock;
  readonly #startedMs: number;
  #metered: { readonly runtime: unknown; readonly meter: UsageMeter } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedMs = clock.nowMs();
  }

  /** The present readings, which all who ask within ten seconds share. */
  usage(node: WorkerNode): Promise<UsageSpan> {
    const { runtime } = node.context;
    if (this.#metered?.runtime !== runtime) {
      const source = { containers: () => runtime.stats(), machine: readMachine };
      this.#metered = { runtime, meter: new UsageMeter(this.#clock, source) };
    }
    return this.#metered.meter.read();
  }

  async read(node: WorkerNode): Promise<object> {
    const { nodeName } = node.context;
    const span = await this.usage(node);
    const pods = [...node.pods.workers.values()].flatMap((worker) => podUsage(worker, span));
    const { last, before } = span;
    const machine = machineUsage(last.machine, before.machine);
    const startTime = formatTime(this.#startedMs);
    return { node: { nodeName, startTime, ...machine }, pods };
  }
}

function podUsage(worker: PodWorker, { last, before }: UsageSpan): object[] {
  const { uid, name, namespace } = keyOf(worker.pod);
  const containers: ContainerUsage[] = [];
  for (const tracked of worker.state.trackedContainers.values()) {
    const stats = last.containers.get(tracked.current?.id ?? '');
    if (stats === undefined) continue;
    const startedMs = tracked.current?.startedAtMs ?? 0;
    const startTime = formatTime(startedMs);
    const rate = cpuRate(stats, before.containers.get(stats.id), startedMs);
    containers.push({ name: tracked.name, startTime, ...containerUsage(stats, rate) });
  }
  if (containers.length === 0) return [];
  const startTime = formatTime(worker.state.startedAtMs);
  return [{ podRef: { name, namespace, uid }, startTime, containers, ...sum(containers) }];
}

function machineUsage(last: MachineUsage, before: MachineUsage): object {
  const time = formatTime(last.atMs);
  const { memoryFreeBytes: availableBytes, memoryUsedBytes: usageBytes } = last;
  return {
    cpu: { time, ...cpuRate(last, before), usageCoreNanoSeconds: last.cpuUsageNanos },
    memory: { time, availableBytes, usageBytes, workingSetBytes: usageBytes },
  };
}

function containerUsage(stats: ContainerStats, rate: CpuRate | undefined): Usage {
  const time = formatTime(stats.atMs);
  return {
    cpu: { time, ...rate, usageCoreNanoSeconds: stats.cpuUsageNanos },
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
  const areKnown = parts.every(({ cpu }) => cpu.usageNanoCores !== undefined);
  return {
    cpu: {
      time,
      ...(areKnown ? { usageNanoCores: total(({ cpu }) => cpu.usageNanoCores ?? 0) } : {}),
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

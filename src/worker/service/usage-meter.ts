/**
 * Usage meter: readings of what containers and the machine have used. A rate is the difference of two readings; whoever
 * asks within ten seconds gets the same two, so that many readers do not make the time between them short.
 */
import { cpus, freemem, totalmem } from 'node:os';
import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import type { ContainerStats } from '../../runtime/types.js';

/** The time for which a reading serves everybody (kubelet's housekeeping interval). */
const freshMs = 10_000;
/** A reading older than this says nothing of the present rate: another one is taken first. */
const staleMs = 120_000;
/** The time between the two readings where no earlier one serves. */
const firstWindowMs = 1_000;

/** What the machine has used since it started, and the memory that is used now. */
export interface MachineUsage {
  readonly atMs: number;
  readonly cpuUsageNanos: number;
  readonly memoryUsedBytes: number;
  readonly memoryFreeBytes: number;
}

/** One reading of everything on the node. */
export interface UsageReading {
  readonly machine: MachineUsage;
  /** By the container's id. */
  readonly containers: ReadonlyMap<string, ContainerStats>;
}

/** Two readings, one after the other: what happened between them. */
export interface UsageSpan {
  readonly before: UsageReading;
  readonly last: UsageReading;
}

/** The sources of a meter's numbers. */
export interface UsageSource {
  containers(): Promise<readonly ContainerStats[]>;
  machine(atMs: number): MachineUsage;
}

/** Keeps the last two readings. Bounded by the containers that run. */
export class UsageMeter {
  readonly #clock: Clock;
  readonly #source: UsageSource;
  #span: UsageSpan | undefined;
  #takenMs = 0;
  #reading: Promise<UsageSpan> | undefined;

  constructor(clock: Clock, source: UsageSource) {
    this.#clock = clock;
    this.#source = source;
  }

  /** The present readings; all who wait share them. @throws what the source throws */
  read(): Promise<UsageSpan> {
    if (this.#span !== undefined && this.#ageMs() < freshMs) return Promise.resolve(this.#span);
    this.#reading ??= this.#next().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #next(): Promise<UsageSpan> {
    let before = this.#ageMs() > staleMs ? undefined : this.#span?.last;
    if (before === undefined) {
      before = await this.#take();
      await delay(this.#clock, firstWindowMs);
    }
    const last = await this.#take();
    this.#takenMs = this.#clock.monotonicMs();
    this.#span = { before, last };
    return this.#span;
  }

  #ageMs(): number {
    return this.#clock.monotonicMs() - this.#takenMs;
  }

  async #take(): Promise<UsageReading> {
    const containers = await this.#source.containers();
    return {
      machine: this.#source.machine(this.#clock.nowMs()),
      containers: new Map(containers.map((stats) => [stats.id, stats])),
    };
  }
}

/** The machine by the kernel's own account: the time of all CPUs since it started. */
export function readMachine(atMs: number): MachineUsage {
  const cpuUsageNanos = cpus().reduce(
    (total, { times }) => total + (times.user + times.nice + times.sys) * 1e6,
    0,
  );
  const memoryFreeBytes = freemem();
  const memoryUsedBytes = totalmem() - memoryFreeBytes;
  return { atMs, cpuUsageNanos, memoryUsedBytes, memoryFreeBytes };
}

/** CPU used at one moment. */
interface CpuReading {
  readonly atMs: number;
  readonly cpuUsageNanos: number;
}

/** A rate, and the time over which it was measured. */
export interface CpuRate {
  readonly usageNanoCores: number;
  readonly windowSeconds: number;
}

/** A container younger than this has no rate yet, as for metrics-server. */
const youngestMs = 10_000;

/**
 * The rate between two readings. A container that was not there at the first one counts from its start.
 * @param startedMs undefined where the start is long ago
 * @returns undefined when too little time has passed to tell
 */
export function cpuRate(
  last: CpuReading,
  before: CpuReading | undefined,
  startedMs?: number,
): CpuRate | undefined {
  const hasRestarted = before !== undefined && before.cpuUsageNanos > last.cpuUsageNanos;
  const isKnown = before !== undefined && !hasRestarted;
  const from = isKnown ? before : { atMs: startedMs ?? Number.POSITIVE_INFINITY, cpuUsageNanos: 0 };
  const passedMs = last.atMs - from.atMs;
  if (passedMs < (isKnown ? 1 : youngestMs)) return undefined;
  const nanos = last.cpuUsageNanos - from.cpuUsageNanos;
  return {
    usageNanoCores: Math.round((nanos * 1000) / passedMs),
    windowSeconds: passedMs / 1000,
  };
}

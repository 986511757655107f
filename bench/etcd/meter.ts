import { cpuMsOf } from '../lib/process-stats.js';
import { quantile } from '../lib/stats.js';
import { sleep } from '../lib/wait.js';
import type { Measured, Warmup } from './jobs.js';

/** The interval at which warming up checks whether it has done enough. */
const warmupLookMs = 50;

/** Counts operations between {@link begin} and {@link end}; earlier ones are warm-up. */
export class Meter {
  readonly #pids: readonly number[];
  #running = false;
  #operations = 0;
  #failed = 0;
  #firstFailure: string | undefined;
  #latenciesMs: number[] = [];
  #startMs = 0;
  #cpuMs = 0;
  #ownCpu = process.cpuUsage();

  constructor(pids: readonly number[]) {
    this.#pids = pids;
  }

  /** Waits while the load, which runs already, warms up the store. @throws if it does nothing at all */
  async warmUp(warmup: Warmup): Promise<void> {
    const startMs = performance.now();
    for (;;) {
      await sleep(warmupLookMs);
      if (this.#failed > 0)
        throw new Error(`${this.#failed} failures, the first: ${this.#firstFailure}`);
      const ms = performance.now() - startMs;
      if (ms >= warmup.ms && this.#operations >= warmup.operations) return;
      if (ms >= warmup.maxMs && this.#operations > 0) return;
      if (ms >= warmup.maxMs) throw new Error(`nothing was done in ${warmup.maxMs} ms`);
    }
  }

  /** Counts for so long. */
  async measure(ms: number): Promise<Measured> {
    this.begin();
    await sleep(ms);
    return this.end();
  }

  begin(): void {
    this.#running = true;
    this.#operations = 0;
    this.#latenciesMs = [];
    this.#cpuMs = cpuMsOf(this.#pids);
    this.#ownCpu = process.cpuUsage();
    this.#startMs = performance.now();
  }

  /** @param count how many operations took this long together */
  succeeded(latencyMs: number, count = 1): void {
    this.#operations += count;
    if (!this.#running) return;
    this.#latenciesMs.push(latencyMs);
  }

  /** Failures count at any time: a store that fails while it warms up is not well. */
  failed(reason: string): void {
    this.#failed++;
    this.#firstFailure ??= reason;
  }

  get failures(): number {
    return this.#failed;
  }

  end(): Measured {
    this.#running = false;
    const seconds = (performance.now() - this.#startMs) / 1000;
    const own = process.cpuUsage(this.#ownCpu);
    return {
      operations: this.#operations,
      failed: this.#failed,
      firstFailure: this.#firstFailure,
      seconds,
      p50Ms: quantile(this.#latenciesMs, 0.5),
      p99Ms: quantile(this.#latenciesMs, 0.99),
      cpuMs: cpuMsOf(this.#pids) - this.#cpuMs,
      generatorCpuMs: (own.user + own.system) / 1000,
    };
  }
}

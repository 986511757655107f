/**
 * Measures the event loop of the process that loads it (`node --import`): on SIGUSR2 it writes what the loop was like
 * since the last signal into the file that the variable names, and begins anew.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';

/** The environment variable with the name of the file; without it nothing is measured. */
export const probeVariable = 'TRIREME_EVENT_LOOP_PROBE';

/** The report of the probe. */
export interface LoopReport {
  /** The longest that the loop was held up, beside the probe's own resolution. */
  readonly stallMs: number;
  readonly p99Ms: number;
  readonly cpuMs: number;
  /** The time of all garbage collections, and of the longest. */
  readonly gcMs: number;
  readonly longestGcMs: number;
}

const resolutionMs = 5;
const path = process.env[probeVariable];

if (path !== undefined) {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  let cpuBefore = process.cpuUsage();
  let gcMs = 0;
  let longestGcMs = 0;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) {
      gcMs += duration;
      longestGcMs = Math.max(longestGcMs, duration);
    }
  }).observe({ entryTypes: ['gc'] });
  process.on('SIGUSR2', () => {
    const { user, system } = process.cpuUsage(cpuBefore);
    const beyondMs = (ns: number): number => Math.max(0, ns / 1e6 - resolutionMs);
    const report: LoopReport = {
      stallMs: beyondMs(histogram.max),
      p99Ms: beyondMs(histogram.percentile(99)),
      cpuMs: (user + system) / 1000,
      gcMs,
      longestGcMs,
    };
    histogram.reset();
    [gcMs, longestGcMs] = [0, 0];
    cpuBefore = process.cpuUsage();
    writeFileSync(`${path}.new`, JSON.stringify(report));
    renameSync(`${path}.new`, path);
  });
}

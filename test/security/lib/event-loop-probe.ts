/**
 * Measures the event loop of the process that loads it (`node --import`): on SIGUSR2 it writes what the loop was like since the last
 * signal into the file that the variable names, and begins anew.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** The environment variable with the name of the file; without it nothing is measured. */
export const probeVariable = 'TRIREME_EVENT_LOOP_PROBE';

/** What the probe writes. */
export interface LoopReport {
  /** The longest that the loop was held up, beside the probe's own resolution. */
  readonly stallMs: number;
  readonly cpuMs: number;
}

const resolutionMs = 5;
const path = process.env[probeVariable];

if (path !== undefined) {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  let cpuBefore = process.cpuUsage();
  process.on('SIGUSR2', () => {
    const { user, system } = process.cpuUsage(cpuBefore);
    const stallMs = Math.max(0, histogram.max / 1e6 - resolutionMs);
    const report: LoopReport = { stallMs, cpuMs: (user + system) / 1000 };
    histogram.reset();
    cpuBefore = process.cpuUsage();
    writeFileSync(`${path}.new`, JSON.stringify(report));
    renameSync(`${path}.new`, path);
  });
}

import { Command } from 'commander';
import type { ObjectReader } from '../../client/object-reader.js';
import { parseFlags } from '../../lib/flags.js';
import type { CommonFlags } from '../component/command.js';
import { addCommonFlags } from '../component/command.js';

/**
 * `trireme scheduler …`. Resolves at SIGTERM.
 * @throws UsageError
 * @param argv the arguments after the command's name
 * @param reader shared with the other components of the program
 */
export async function runScheduler(argv: readonly string[], reader?: ObjectReader): Promise<void> {
  const command = addCommonFlags(new Command('scheduler'), 10_259).option(
    '--scheduler-name <name>',
    'places pods with this spec.schedulerName',
    'default-scheduler',
  );
  const parsed = parseFlags<CommonFlags & { schedulerName: string }>(command, argv);
  if (parsed.help) return;
  const flags = parsed.options;
  // Loaded when it runs: help starts without.
  const { runComponent } = await import('../component/run.js');
  const { ComponentMetrics } = await import('../component/metrics.js');
  const { SchedulerMetrics } = await import('./metrics.js');
  const { startScheduler } = await import('./scheduler.js');
  const { schedulerName } = flags;
  const shared = new ComponentMetrics();
  const metrics = new SchedulerMetrics(shared.registry, schedulerName);
  const setUp = { name: 'kube-scheduler', flags, metrics: shared, reader };
  await runComponent(setUp, (parts, signal) =>
    startScheduler({ ...parts, schedulerName, metrics }, signal),
  );
}

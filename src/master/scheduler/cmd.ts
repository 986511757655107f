import { Command } from 'commander';
import { parseFlags } from '../../lib/flags.js';
import type { CommonFlags } from '../component/command.js';
import { addCommonFlags } from '../component/command.js';

/** `trireme scheduler …`. Resolves at SIGTERM. @throws UsageError @param argv the arguments after the command's name */
export async function runScheduler(argv: readonly string[]): Promise<void> {
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
  await runComponent({ name: 'kube-scheduler', flags, metrics: shared }, (parts, signal) =>
    startScheduler({ ...parts, schedulerName, metrics }, signal),
  );
}

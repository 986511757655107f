import { Command } from 'commander';
import type { CommonFlags } from '../component/command.js';
import { addCommonFlags, runComponent } from '../component/command.js';
import { startScheduler } from './scheduler.js';

/** `trireme scheduler …`. Resolves at SIGTERM. @param argv the arguments after the command's name */
export async function runScheduler(argv: readonly string[]): Promise<void> {
  const command = addCommonFlags(new Command('scheduler')).option(
    '--scheduler-name <name>',
    'places pods with this spec.schedulerName',
    'default-scheduler',
  );
  command.parse([...argv], { from: 'user' });
  const flags = command.opts<CommonFlags & { schedulerName: string }>();
  await runComponent('kube-scheduler', flags, (parts, signal) =>
    startScheduler({ ...parts, schedulerName: flags.schedulerName }, signal),
  );
}

/** The thread with the scheduler and the controllers. */
import { runControllerManager } from '../../master/controllers/cmd.js';
import { runScheduler } from '../../master/scheduler/cmd.js';

interface ControlFlags {
  readonly scheduler: readonly string[];
  readonly controllerManager: readonly string[];
}

/** @param argv one JSON text: the flags of both */
export async function main(argv: readonly string[]): Promise<number> {
  const flags = JSON.parse(argv[0] ?? '{}') as ControlFlags;
  await Promise.all([runScheduler(flags.scheduler), runControllerManager(flags.controllerManager)]);
  return 0;
}

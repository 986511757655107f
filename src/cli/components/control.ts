/** The thread with the scheduler and the controllers. */
import { ObjectReader } from '../../client/object-reader.js';
import { isUsageError } from '../../lib/usage-error.js';
import { runControllerManager } from '../../master/controllers/cmd.js';
import { runScheduler } from '../../master/scheduler/cmd.js';

interface ControlFlags {
  readonly scheduler: readonly string[];
  readonly controllerManager: readonly string[];
}

/** @param argv one JSON text: the flags of both */
export async function main(argv: readonly string[]): Promise<number> {
  const flags = JSON.parse(argv[0] ?? '{}') as ControlFlags;
  try {
    const { scheduler, controllerManager } = flags;
    // Both watch pods and nodes: what comes to both is read and kept once.
    const reader = new ObjectReader();
    await Promise.all([
      runScheduler(scheduler, reader),
      runControllerManager(controllerManager, reader),
    ]);
    return 0;
  } catch (error) {
    if (!isUsageError(error)) throw error;
    // The supervisor starts nothing again whose flags are wrong.
    process.stderr.write(`scheduler, controller-manager: ${error.message}\n`);
    return 2;
  }
}

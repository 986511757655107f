/** The thread with the store's member. */
import { runEtcdCommand } from '../../etcd/cmd/run.js';
import { shutdownSignal } from '../../lib/shutdown.js';

/** @param argv etcd's flags */
export function main(argv: readonly string[]): Promise<number> {
  // The member ends at SIGTERM, which no thread but the first gets.
  shutdownSignal().addEventListener('abort', () => process.emit('SIGTERM', 'SIGTERM'));
  return runEtcdCommand(argv);
}

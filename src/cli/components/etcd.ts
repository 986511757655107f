/** The thread with the store's member. */
import { runEtcdCommand } from '../../etcd/cmd/main.js';

/** @param argv etcd's flags */
export function main(argv: readonly string[]): Promise<number> {
  return runEtcdCommand(argv);
}

/** The form of a script's commands. */
import type { TestCluster } from './cluster.js';

/** The state that commands share: the cluster, once one of them has made it. */
export interface ScriptState {
  cluster: TestCluster | undefined;
}

/** One command. Lines that it returns follow the cluster's own. */
export type Command = (
  state: ScriptState,
  words: readonly string[],
) => readonly string[] | undefined;

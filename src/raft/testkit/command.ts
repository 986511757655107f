/** The form of a script's commands. */
import type { TestCluster } from './cluster.js';

/** What a command gets: the cluster so far and its words. */
export interface ScriptState {
  cluster: TestCluster | undefined;
}

/** One command. Lines that it returns follow the cluster's own. */
export type Command = (
  state: ScriptState,
  words: readonly string[],
) => readonly string[] | undefined;

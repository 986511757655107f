import type { ClusterState } from './cluster-state.js';

/** A verb of a script. @returns the lines that it prints; none prints `ok` */
export type Command = (
  state: ClusterState,
  words: readonly string[],
  fields: Readonly<Record<string, unknown>>,
) => readonly string[];

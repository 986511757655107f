import type { Command } from 'commander';
import type { ConnectionFlags } from './connection.js';
import { addConnectionFlags } from './connection.js';

/** The flags of commands that work in a namespace. */
export interface NamespaceFlags extends ConnectionFlags {
  readonly namespace?: string;
}

/** `-n` beside how to reach the cluster. */
export function addNamespaceFlags(command: Command): Command {
  return addConnectionFlags(command).option(
    '-n, --namespace <name>',
    "the namespace (default: the context's)",
  );
}

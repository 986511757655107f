import type { Connection, ConnectionFlags } from './connection.js';
import type { CommandContext } from './context.js';
import type { GlobalValues } from './kube/client-config.js';

/** The flags of every command that say which cluster is meant. */
export function connectionFlags({ kubeconfig, context }: GlobalValues): ConnectionFlags {
  return {
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(context === undefined ? {} : { context }),
  };
}

/** Runs with a connection to the cluster's own services, and ends it. @throws UsageError when no cluster is known */
export async function withConnection<T>(
  { globals, context }: { readonly globals: GlobalValues; readonly context: CommandContext },
  run: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await context.connect(connectionFlags(globals));
  try {
    return await run(connection);
  } finally {
    connection.close();
  }
}

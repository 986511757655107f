import type { Flags } from '../command/flag-types.js';
import type { Invocation } from '../command/spec.js';
import type { CommandContext } from '../context.js';
import { ResourceMapper } from './resource-mapper.js';
import type { KubeClient } from './types.js';

/** A command's way to the cluster. */
export interface Session {
  readonly kube: KubeClient;
  readonly mapper: ResourceMapper;
  /** The namespace of the flags, else the context's. */
  readonly namespace: string;
  /** True when the user named the namespace: then files may name no other. */
  readonly enforceNamespace: boolean;
  readonly context: CommandContext;
}

/** Runs with a session, and ends its connections. */
export async function withSession<F extends Flags, T>(
  invocation: Invocation<F>,
  run: (session: Session) => Promise<T>,
): Promise<T> {
  const { context, globals: flags } = invocation;
  const kube = await context.kube(flags);
  try {
    return await run({
      kube,
      mapper: new ResourceMapper(kube),
      namespace: kube.namespace,
      enforceNamespace: flags.namespace !== undefined,
      context,
    });
  } finally {
    kube.close();
  }
}

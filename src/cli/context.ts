import type { Readable } from 'node:stream';
import type { Clock } from '../lib/clock.js';
import { systemClock } from '../lib/clock.js';
import type { Connection, ConnectionFlags } from './connection.js';
import type { GlobalValues } from './kube/client-config.js';
import type { KubeClient } from './kube/types.js';

/**
 * The environment of a client command: where it writes, what time it is, how it reaches a cluster. Tests hand in their
 * own.
 */
export interface CommandContext {
  readonly clock: Clock;
  /** For output, which another program may read. */
  readonly out: (data: string | Uint8Array) => void;
  /** Resolves when the output takes more: for those who write without an end. */
  readonly drained: () => Promise<void>;
  /** For words to a person, and what a command in a container says as such. */
  readonly err: (data: string | Uint8Array) => void;
  /** Standard input. */
  readonly input: () => Readable & { isTTY?: boolean; setRawMode?: (raw: boolean) => unknown };
  /** The cluster's own services, over gRPC. @throws UsageError when no cluster is known */
  readonly connect: (flags: ConnectionFlags) => Promise<Connection>;
  /** The Kubernetes API. @throws CommandLineError when no cluster is known */
  readonly kube: (flags: GlobalValues) => Promise<KubeClient>;
}

/** The process's own streams, and clusters that kubeconfigs name. Clients are loaded when they are asked for. */
export const processContext: CommandContext = {
  clock: systemClock(),
  out: (data) => void process.stdout.write(data),
  drained: () =>
    process.stdout.writableNeedDrain
      ? new Promise((resolve) => process.stdout.once('drain', resolve))
      : Promise.resolve(),
  err: (data) => void process.stderr.write(data),
  input: () => process.stdin,
  connect: async (flags) => (await import('./connection.js')).connect(flags),
  kube: async (flags) =>
    (await import('./kube/rest-client.js')).createKubeClient(flags, processContext),
};

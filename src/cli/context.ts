import type { Clock } from '../lib/clock.js';
import { systemClock } from '../lib/clock.js';
import type { Connection, ConnectionFlags } from './connection.js';
import { connect } from './connection.js';

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
  /** @throws UsageError when no cluster is known */
  readonly connect: (flags: ConnectionFlags) => Promise<Connection>;
}

/** The process's own streams, and clusters that kubeconfigs name. */
export const processContext: CommandContext = {
  clock: systemClock(),
  out: (data) => void process.stdout.write(data),
  drained: () =>
    process.stdout.writableNeedDrain
      ? new Promise((resolve) => process.stdout.once('drain', resolve))
      : Promise.resolve(),
  err: (data) => void process.stderr.write(data),
  connect,
};

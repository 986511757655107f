import { ClusterDefinition } from '../../gen/cluster.js';
import type { MemberCursor, Observation } from '../../gen/cluster.js';
import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import { errorMessage } from '../../lib/errors.js';
import type { Channel } from '../../lib/grpc/index.js';
import { Code, isGrpcError } from '../../lib/grpc/index.js';
import { oneLine } from '../../client/observation/model.js';

/** The masters that are asked, and the receivers of their answers. */
export interface FeedOptions {
  /** One for each master. */
  readonly channels: readonly Channel[];
  readonly clock: Clock;
  readonly cursors: () => MemberCursor[];
  readonly observed: (observation: Observation) => void;
  /** A master does not answer, or does again: undefined. Told at changes alone. */
  readonly trouble: (server: string, error: string | undefined) => void;
}

/** Between attempts. */
const retryMs = 300;
/** Errors that no other attempt mends. */
const finalCodes: ReadonlySet<number> = new Set([
  Code.Unauthenticated,
  Code.PermissionDenied,
  Code.InvalidArgument,
]);

/**
 * Observes through every master at once until `signal` aborts: what one of them cannot reach or is too dead to tell,
 * another one tells, and a connection that breaks costs no event.
 * @throws GrpcError when a master refuses, and Error when none of them can be observed
 */
export async function feed(options: FeedOptions, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const outdated = new Set<Channel>();
  const follow = async (channel: Channel): Promise<void> => {
    try {
      await followMaster(channel, options, either);
    } catch (error) {
      if (!isGrpcError(error) || error.code !== Code.Unimplemented) throw error;
      outdated.add(channel);
      if (outdated.size < options.channels.length) {
        options.trouble(channel.target, 'an older version, which cannot be watched');
        return;
      }
      throw new Error('the masters are of an older version, which cannot be watched', {
        cause: error,
      });
    }
  };
  try {
    await Promise.all(options.channels.map(follow));
  } finally {
    over.abort();
  }
}

async function followMaster(
  channel: Channel,
  options: FeedOptions,
  signal: AbortSignal,
): Promise<void> {
  const { clock, cursors, observed, trouble } = options;
  let isTroubled = false;
  while (!signal.aborted) {
    let reason = 'it ended the call';
    try {
      const request = { cursors: cursors() };
      for await (const observation of channel
        .client(ClusterDefinition)
        .observe(request, { signal })) {
        if (isTroubled) trouble(channel.target, undefined);
        isTroubled = false;
        observed(observation);
      }
    } catch (error) {
      if (signal.aborted) return;
      const isFinal = isGrpcError(error) && finalCodes.has(error.code);
      if (!isGrpcError(error) || isFinal || error.code === Code.Unimplemented) throw error;
      reason = oneLine(errorMessage(error));
    }
    if (signal.aborted) return;
    if (!isTroubled) trouble(channel.target, reason);
    isTroubled = true;
    await delay(clock, retryMs, signal);
  }
}

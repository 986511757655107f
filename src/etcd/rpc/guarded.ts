/** Wraps every handler: counts the call, demands a leader where the caller does, and gives errors their status. */
import type { RangeRequest } from '../../gen/etcd/rpc.js';
import type { CallContext, Handlers, ServiceDefinition } from '../../lib/grpc/types.js';
import { etcdError } from '../apply/errors.js';
import { clientError } from '../grpc-status.js';
import type { Clock } from '../../lib/clock.js';
import type { Compat } from '../compat.js';
import type { GrpcMetrics } from '../telemetry/grpc-metrics.js';

/** The member, as far as every call is concerned. */
export interface GuardedMember {
  readonly config: {
    readonly clock: Clock;
    readonly compat?: Compat;
    readonly electionMs: number;
    readonly telemetry: { readonly grpc: GrpcMetrics };
  };
  readonly isLearner: boolean;
  /** 0 while there is none. */
  readonly leader: bigint;
  /** Told when a leader appears or goes (0). @returns a function that ends it */
  onLeaderChange(listener: (leader: bigint) => void): () => void;
}

type Handler = (...args: unknown[]) => unknown;

const codeUnknown = 2;

/** What a learner answers, as etcd 3.5's does, and what it tells of itself. */
const answeredByLearners: ReadonlySet<string> = new Set([
  'etcdserverpb.Maintenance/Snapshot',
  'etcdserverpb.Maintenance/Status',
  'trireme.telemetry.v1.Telemetry/Watch',
]);

/**
 * Wraps all handlers of a service: a learner refuses nearly all calls (`newUnaryInterceptor` and `newStreamInterceptor`
 * in etcd's `v3rpc/interceptor.go`), a call with the metadata `hasleader: true` fails while there is no leader, an open
 * stream when there has been none for a while (clientv3.WithRequireLeader), and each is counted by method and outcome.
 * Errors leave with etcd's code.
 */
export function guarded<S extends ServiceDefinition>(
  definition: S,
  handlers: Handlers<S>,
  server: GuardedMember,
): Handlers<S> {
  const methods = handlers as Readonly<Record<string, Handler>>;
  const wrapped: Record<string, Handler> = {};
  for (const [key, method] of Object.entries(definition.methods)) {
    const handler = methods[key];
    if (handler === undefined) continue;
    const fullName = `${definition.fullName}/${method.name}`;
    const isForLearners = answeredByLearners.has(fullName);
    const { compat, telemetry } = server.config;
    const { grpc } = telemetry;
    const count = grpc.method({
      service: definition.fullName,
      method: method.name,
      type: callType(method),
    });
    const handled = (code: number, stopTimer: (() => void) | undefined): void => {
      count.handled(code);
      stopTimer?.();
    };
    const failed = (error: unknown, stopTimer: (() => void) | undefined): unknown => {
      const status = clientError(error, compat);
      handled(status?.code ?? codeUnknown, stopTimer);
      return status ?? error;
    };
    const isStream = method.requestStream || method.responseStream;
    const countClient = isStream ? grpc.stream : grpc.unary;
    wrapped[key] = (...args) => {
      count.started();
      const stopTimer = count.timer();
      const context = args.at(-1) as CallContext;
      countClient(context.header('client-api-version'));
      try {
        if (server.isLearner && !isForLearners && !isOwnRead(fullName, args[0])) {
          throw etcdError('notSupportedForLearner');
        }
        // A call's metadata is only read when it matters.
        if (server.leader === 0n && needsLeader(context)) throw etcdError('noLeader');
        let result = handler.apply(handlers, args);
        if (isStream && result instanceof Promise && needsLeader(context)) {
          result = untilLeaderless(result, server);
        }
        if (result instanceof Promise) {
          return result.then(
            (answer: unknown) => {
              handled(0, stopTimer);
              return answer;
            },
            (error: unknown) => {
              throw failed(error, stopTimer);
            },
          );
        }
        handled(0, stopTimer);
        return result;
      } catch (error) {
        throw failed(error, stopTimer);
      }
    };
  }
  return wrapped as Handlers<S>;
}

/** A range that any member answers from what it has. */
function isOwnRead(fullName: string, request: unknown): boolean {
  return fullName === 'etcdserverpb.KV/Range' && (request as RangeRequest).serializable;
}

function needsLeader(context: CallContext): boolean {
  return context.metadata.get('hasleader') === 'true';
}

/** Ends an open stream when there has been no leader for three election timeouts, as etcd does. */
async function untilLeaderless(run: Promise<unknown>, server: GuardedMember): Promise<void> {
  const { clock, electionMs } = server.config;
  let cancelCheck: (() => void) | undefined;
  let stopListening: (() => void) | undefined;
  const lost = new Promise<void>((_resolve, reject) => {
    const watchLeader = (leader: bigint): void => {
      cancelCheck?.();
      cancelCheck = undefined;
      if (leader !== 0n) return;
      cancelCheck = clock.schedule(3 * electionMs, () => reject(etcdError('noLeader')));
    };
    stopListening = server.onLeaderChange(watchLeader);
  });
  try {
    await Promise.race([run, lost]);
  } finally {
    cancelCheck?.();
    stopListening?.();
  }
}

function callType(method: { requestStream: boolean; responseStream: boolean }): string {
  if (method.requestStream) return method.responseStream ? 'bidi_stream' : 'client_stream';
  return method.responseStream ? 'server_stream' : 'unary';
}

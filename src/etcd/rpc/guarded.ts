/** What every call passes before its handler: counting, and the demand for a leader. */
import type { CallContext, Handlers, ServiceDefinition } from '../../lib/grpc/types.js';
import { isGrpcError } from '../../lib/grpc/types.js';
import { etcdError } from '../apply/errors.js';
import { grpcMetrics } from '../server/metrics.js';
import type { EtcdServer } from '../server/server.js';

type Handler = (...args: unknown[]) => unknown;

const codeUnknown = 2;

/**
 * Wraps all handlers of a service: a call with the metadata `hasleader: true` fails while there is no leader
 * (clientv3.WithRequireLeader), and each is counted by method and outcome.
 */
export function guarded<S extends ServiceDefinition>(
  definition: S,
  handlers: Handlers<S>,
  server: EtcdServer,
): Handlers<S> {
  const methods = handlers as Readonly<Record<string, Handler>>;
  const wrapped: Record<string, Handler> = {};
  for (const [key, method] of Object.entries(definition.methods)) {
    const handler = methods[key];
    if (handler === undefined) continue;
    const count = grpcMetrics.method({
      service: definition.fullName,
      method: method.name,
      type: callType(method),
    });
    wrapped[key] = (...args) => {
      count.started();
      const context = args.at(-1) as CallContext;
      try {
        if (server.leader === 0n && context.metadata.get('hasleader') === 'true') {
          throw etcdError('noLeader');
        }
        const result = handler.apply(handlers, args);
        if (result instanceof Promise) {
          result.then(
            () => count.handled(0),
            (error: unknown) => count.handled(codeOf(error)),
          );
        } else {
          count.handled(0);
        }
        return result;
      } catch (error) {
        count.handled(codeOf(error));
        throw error;
      }
    };
  }
  return wrapped as Handlers<S>;
}

function codeOf(error: unknown): number {
  return isGrpcError(error) ? error.code : codeUnknown;
}

function callType(method: { requestStream: boolean; responseStream: boolean }): string {
  if (method.requestStream) return method.responseStream ? 'bidi_stream' : 'client_stream';
  return method.responseStream ? 'server_stream' : 'unary';
}

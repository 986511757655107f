import { HealthCheckResponse_ServingStatus as Status } from '../../gen/etcd/health.js';
import type {
  HealthCheckRequest,
  HealthCheckResponse,
  HealthDefinition,
} from '../../gen/etcd/health.js';
import { Code, GrpcError } from '../../lib/grpc/types.js';
import type { CallContext, Handlers, Sender } from '../../lib/grpc/types.js';

/** The member, as the health service needs it. */
export interface HealthMember {
  readonly stopped: boolean;
  /** Told when a leader appears or goes (0). @returns a function that ends it */
  onLeaderChange(listener: (leader: bigint) => void): () => void;
}

/** The standard health service, for the server as a whole (service name `''`). */
export class HealthService implements Handlers<typeof HealthDefinition> {
  readonly #server: HealthMember;

  constructor(server: HealthMember) {
    this.#server = server;
  }

  check(request: HealthCheckRequest): HealthCheckResponse {
    if (request.service !== '') throw new GrpcError(Code.NotFound, 'unknown service');
    return { status: this.#status() };
  }

  async watch(
    request: HealthCheckRequest,
    stream: Sender<HealthCheckResponse>,
    context: CallContext,
  ): Promise<void> {
    if (request.service !== '') {
      stream.send({ status: Status.SERVICE_UNKNOWN });
    } else {
      stream.send({ status: this.#status() });
    }
    const stop = this.#server.onLeaderChange(() => {
      if (request.service === '') stream.send({ status: this.#status() });
    });
    await new Promise<void>((resolve) => {
      if (context.signal.aborted) resolve();
      else context.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    stop();
  }

  #status(): Status {
    return this.#server.stopped ? Status.NOT_SERVING : Status.SERVING;
  }
}

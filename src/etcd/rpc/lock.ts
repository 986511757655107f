import type {
  LockDefinition,
  LockRequest,
  LockResponse,
  UnlockRequest,
  UnlockResponse,
} from '../../gen/etcd/v3lock.js';
import type { CallContext, Handlers } from '../../lib/grpc/types.js';
import { Code, GrpcError } from '../../lib/grpc/types.js';
import { clientError } from '../grpc-status.js';
import type { LeaseService } from './lease.js';
import { LockQueue } from './queue-lock.js';
import type { LockMember, LockStore } from './queue-lock.js';

const noBytes = Buffer.alloc(0);
/** Etcd's default session TTL for callers that bring no lease. */
const sessionTtlSeconds = 60;

/** The call of the lease service that sessions make. */
export type SessionLeases = Pick<LeaseService, 'leaseGrant'>;

/**
 * Grants a lease to a caller that brought none, with the caller's token: who may grant none by hand gets none here.
 * @returns its id
 */
export async function sessionLease(
  leases: SessionLeases,
  lease: bigint,
  context: CallContext,
): Promise<bigint> {
  if (lease !== 0n) return lease;
  return (await leases.leaseGrant({ ID: 0n, TTL: sessionTtlSeconds }, context)).ID;
}

/**
 * Runs a call of the lock or the election service. In etcd these are clients of the store inside it, whose errors lose
 * their code on the way out: UNKNOWN with the text. Errors that leave the outcome open keep their code.
 */
export async function asInnerClient<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const status = clientError(error);
    if (status === undefined || openCodes.has(status.code)) throw error;
    throw new GrpcError(Code.Unknown, status.message, { cause: error });
  }
}

const openCodes: ReadonlySet<Code> = new Set([
  Code.Unavailable,
  Code.Cancelled,
  Code.DeadlineExceeded,
]);

/** The lock service (v3lockpb.Lock). */
export class LockService implements Handlers<typeof LockDefinition> {
  readonly #server: LockMember;
  readonly #kv: LockStore;
  readonly #leases: SessionLeases;

  constructor(server: LockMember, kv: LockStore, leases: SessionLeases) {
    this.#server = server;
    this.#kv = kv;
    this.#leases = leases;
  }

  lock(request: LockRequest, context: CallContext): Promise<LockResponse> {
    return asInnerClient(() => this.#lock(request, context));
  }

  unlock(request: UnlockRequest, context: CallContext): Promise<UnlockResponse> {
    return asInnerClient(() => this.#unlock(request, context));
  }

  async #lock(request: LockRequest, context: CallContext): Promise<LockResponse> {
    const lease = await sessionLease(this.#leases, request.lease, context);
    const queue = new LockQueue(this.#server, this.#kv, context);
    const prefix = Buffer.concat([request.name, Buffer.from('/')]);
    const place = await queue.enter(prefix, { lease, value: noBytes }, { owner: true });
    if (place.isFirst) return { header: place.header, key: place.key };
    await queue.waitTurn(prefix, place);
    return { header: await queue.held(place), key: place.key };
  }

  async #unlock(request: UnlockRequest, context: CallContext): Promise<UnlockResponse> {
    const queue = new LockQueue(this.#server, this.#kv, context);
    return { header: await queue.release(request.key) };
  }
}

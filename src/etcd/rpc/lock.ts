import { randomBytes } from 'node:crypto';
import { LeaseGrantRequest } from '../../gen/etcd/rpc.js';
import type {
  LockDefinition,
  LockRequest,
  LockResponse,
  UnlockRequest,
  UnlockResponse,
} from '../../gen/etcd/v3lock.js';
import type { CallContext, Handlers } from '../../lib/grpc/types.js';
import type { EtcdServer } from '../server/server.js';
import type { CallerIdentity } from './auth-info.js';
import { LockQueue } from './queue-lock.js';

const noBytes = Buffer.alloc(0);
/** Etcd's default session TTL for callers that bring no lease. */
const sessionTtlSeconds = 60;

/** A lease for a caller that brought none. @returns its id */
export async function sessionLease(server: EtcdServer, lease: bigint): Promise<bigint> {
  if (lease !== 0n) return lease;
  const ID = (randomBytes(8).readBigUInt64BE() >> 1n) | 1n;
  const request = { ID, TTL: sessionTtlSeconds };
  await server.propose('leaseGrant', LeaseGrantRequest.encode(request).finish(), request);
  return ID;
}

/** The lock service (v3lockpb.Lock). */
export class LockService implements Handlers<typeof LockDefinition> {
  readonly #server: EtcdServer;
  readonly #identity: CallerIdentity;

  constructor(server: EtcdServer, identity: CallerIdentity) {
    this.#server = server;
    this.#identity = identity;
  }

  async lock(request: LockRequest, context: CallContext): Promise<LockResponse> {
    const queue = new LockQueue(this.#server, await this.#identity.of(context));
    const lease = await sessionLease(this.#server, request.lease);
    const prefix = Buffer.concat([request.name, Buffer.from('/')]);
    const place = await queue.enter(request.name, lease, noBytes);
    await queue.waitTurn(prefix, place, context);
    return { header: this.#server.header(), key: place.key };
  }

  async unlock(request: UnlockRequest, context: CallContext): Promise<UnlockResponse> {
    const queue = new LockQueue(this.#server, await this.#identity.of(context));
    await queue.leave(request.key);
    return { header: this.#server.header() };
  }
}

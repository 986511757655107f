import { randomBytes } from 'node:crypto';
import { LeaseGrantRequest, LeaseRevokeRequest } from '../../gen/etcd/rpc.js';
import type {
  LeaseDefinition,
  LeaseGrantResponse,
  LeaseKeepAliveRequest,
  LeaseKeepAliveResponse,
  LeaseLeasesRequest,
  LeaseLeasesResponse,
  LeaseRevokeResponse,
  LeaseTimeToLiveRequest,
  LeaseTimeToLiveResponse,
} from '../../gen/etcd/rpc.js';
import type { CallContext, Duplex, Handlers } from '../../lib/grpc/types.js';
import { asEtcdError } from '../apply/errors.js';
import { maySeeLease, mayUseLease } from '../apply/permissions.js';
import type { LeaseInfo } from '../lease/types.js';
import type { Quota } from '../guards/quota.js';
import type { CallerIdentity } from './auth-info.js';
import { entryAuth } from './auth-info.js';
import type { PermissionContext } from '../apply/permissions.js';
import type { RequestMember } from './member.js';

/** The member, as the lease service needs it. */
export interface LeaseMember extends RequestMember, PermissionContext {}

/** Renews leases at the leader, which alone counts their time. */
export interface LeaseRenewals {
  /** Restarts the lease's TTL. @returns the TTL in seconds @throws leaseNotFound, noLeader, timeout */
  renew(id: bigint): Promise<number>;
  /** @throws leaseNotFound, noLeader, timeout */
  timeToLive(id: bigint, keys: boolean): Promise<LeaseTimeToLiveResponse>;
}

/** The lease service (etcdserverpb.Lease). */
export class LeaseService implements Handlers<typeof LeaseDefinition> {
  readonly #server: LeaseMember;
  readonly #identity: CallerIdentity;
  readonly #quota: Quota;
  readonly #keeper: LeaseRenewals;

  constructor(
    server: LeaseMember,
    parts: {
      readonly identity: CallerIdentity;
      readonly quota: Quota;
      readonly keeper: LeaseRenewals;
    },
  ) {
    this.#server = server;
    this.#identity = parts.identity;
    this.#quota = parts.quota;
    this.#keeper = parts.keeper;
  }

  async leaseGrant(request: LeaseGrantRequest, context: CallContext): Promise<LeaseGrantResponse> {
    const server = this.#server;
    const info = await this.#identity.known(context);
    // No id given: any positive one that is free enough.
    const ID = request.ID === 0n ? (randomBytes(8).readBigUInt64BE() >> 1n) | 1n : request.ID;
    const full = { ...request, ID };
    const payload = LeaseGrantRequest.encode(full).finish();
    await this.#quota.refusal(payload.length);
    const lease = (await server.requests.propose(
      'leaseGrant',
      payload,
      full,
      entryAuth(info),
    )) as LeaseInfo;
    return { header: server.header(), ID, TTL: lease.grantedTtlSeconds, error: '' };
  }

  async leaseRevoke(
    request: LeaseRevokeRequest,
    context: CallContext,
  ): Promise<LeaseRevokeResponse> {
    const server = this.#server;
    const info = await this.#identity.known(context);
    const payload = LeaseRevokeRequest.encode(request).finish();
    await server.requests.propose('leaseRevoke', payload, request, entryAuth(info));
    return { header: server.header() };
  }

  async leaseKeepAlive(
    stream: Duplex<LeaseKeepAliveRequest, LeaseKeepAliveResponse>,
    context: CallContext,
  ): Promise<void> {
    const server = this.#server;
    for await (const { ID } of stream) {
      const header = server.header();
      let TTL = 0;
      try {
        await this.#mayRenew(ID, context);
        TTL = await this.#keeper.renew(ID);
      } catch (error) {
        // A lease that is gone is told by a TTL of 0; the stream goes on for the others.
        if (asEtcdError(error)?.code !== 'leaseNotFound') throw error;
      }
      if (!stream.send({ header, ID, TTL })) await stream.drained();
    }
  }

  async leaseTimeToLive(
    request: LeaseTimeToLiveRequest,
    context: CallContext,
  ): Promise<LeaseTimeToLiveResponse> {
    const server = this.#server;
    const info = await this.#identity.known(context);
    try {
      if (request.keys) maySeeLease(server, info, request.ID);
      const answer = await this.#keeper.timeToLive(request.ID, request.keys);
      return { ...answer, header: server.header() };
    } catch (error) {
      if (asEtcdError(error)?.code !== 'leaseNotFound') throw error;
      return { header: server.header(), ID: request.ID, TTL: -1, grantedTTL: 0, keys: [] };
    }
  }

  async leaseLeases(
    _request: LeaseLeasesRequest,
    context: CallContext,
  ): Promise<LeaseLeasesResponse> {
    const server = this.#server;
    const info = await this.#identity.known(context);
    const ids = server.lessor.list();
    for (const id of ids) maySeeLease(server, info, id);
    return { header: server.header(), leases: ids.map((ID) => ({ ID })) };
  }

  /** A lease may be kept alive by whom its keys may be written. @throws userEmpty, permissionDenied */
  async #mayRenew(id: bigint, context: CallContext): Promise<void> {
    if (!this.#server.auth.enabled) return;
    const info = await this.#identity.known(context);
    mayUseLease(this.#server, info, id);
  }
}

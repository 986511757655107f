import type {
  CampaignRequest,
  CampaignResponse,
  ElectionDefinition,
  LeaderRequest,
  LeaderResponse,
  ProclaimRequest,
  ProclaimResponse,
  ResignRequest,
  ResignResponse,
} from '../../gen/etcd/v3election.js';
import type { CallContext, Handlers, Sender } from '../../lib/grpc/types.js';
import { Code, GrpcError } from '../../lib/grpc/types.js';
import { keyText } from '../apply/kv.js';
import type { WatchSink } from '../mvcc/types.js';
import { asInnerClient, sessionLease } from './lock.js';
import type { SessionLeases } from './lock.js';
import { LockQueue, prefixEnd } from './queue-lock.js';
import type { LockMember, LockStore } from './queue-lock.js';

/** Etcd's error; its code is UNKNOWN because it is an error of the client library that etcd uses inside. */
const noLeaderError = (): GrpcError => new GrpcError(Code.Unknown, 'election: no leader');
const notLeaderError = (): GrpcError => new GrpcError(Code.Unknown, 'election: not leader');
const missingLeaderKey = (): GrpcError =>
  new GrpcError(Code.Unknown, '"leader" field must be provided');

/** The election service (v3electionpb.Election). */
export class ElectionService implements Handlers<typeof ElectionDefinition> {
  readonly #server: LockMember;
  readonly #kv: LockStore;
  readonly #leases: SessionLeases;

  constructor(server: LockMember, kv: LockStore, leases: SessionLeases) {
    this.#server = server;
    this.#kv = kv;
    this.#leases = leases;
  }

  campaign(request: CampaignRequest, context: CallContext): Promise<CampaignResponse> {
    return asInnerClient(() => this.#campaign(request, context));
  }

  proclaim(request: ProclaimRequest, context: CallContext): Promise<ProclaimResponse> {
    return asInnerClient(() => this.#proclaim(request, context));
  }

  leader(request: LeaderRequest, context: CallContext): Promise<LeaderResponse> {
    return asInnerClient(() => this.#leader(request, context));
  }

  resign(request: ResignRequest, context: CallContext): Promise<ResignResponse> {
    return asInnerClient(() => this.#resign(request, context));
  }

  async #campaign(request: CampaignRequest, context: CallContext): Promise<CampaignResponse> {
    const { name, value } = request;
    const lease = await sessionLease(this.#leases, request.lease, context);
    const queue = this.#queue(context);
    const prefix = prefixOf(name);
    const place = await queue.enter(prefix, { lease, value }, { owner: false });
    if (place.previous !== undefined && !place.previous.equals(value)) {
      if ((await queue.update(place, { lease, value })) === undefined) throw notLeaderError();
    }
    await queue.waitTurn(prefix, place);
    const leader = { name, key: place.key, rev: place.createRevision, lease };
    return { header: place.header, leader };
  }

  async #proclaim(request: ProclaimRequest, context: CallContext): Promise<ProclaimResponse> {
    const { leader, value } = request;
    if (leader === undefined) throw missingLeaderKey();
    const lease = await sessionLease(this.#leases, leader.lease, context);
    const place = { key: leader.key, createRevision: leader.rev };
    const updated = await this.#queue(context).update(place, { lease, value });
    if (updated === undefined) throw notLeaderError();
    return { header: updated.header };
  }

  async #leader(request: LeaderRequest, context: CallContext): Promise<LeaderResponse> {
    const { header, kv } = await this.#queue(context).first(prefixOf(request.name));
    if (kv === undefined) throw noLeaderError();
    return { header, kv };
  }

  async #resign(request: ResignRequest, context: CallContext): Promise<ResignResponse> {
    const { leader } = request;
    if (leader === undefined) throw missingLeaderKey();
    await sessionLease(this.#leases, leader.lease, context);
    const place = { key: leader.key, createRevision: leader.rev };
    return { header: await this.#queue(context).leave(place) };
  }

  /**
   * Tells the present leader and each new one, until the caller has heard enough. Whoever may not read them, or falls
   * behind a compaction, is told nothing more: in etcd the call ends well then.
   */
  async observe(
    request: LeaderRequest,
    stream: Sender<LeaderResponse>,
    context: CallContext,
  ): Promise<void> {
    const queue = this.#queue(context);
    const prefix = prefixOf(request.name);
    let told = 0;
    let wake: () => void = () => undefined;
    let isOver = false;
    const sink: WatchSink = {
      send: ({ kind }) => {
        isOver ||= kind === 'compacted';
        wake();
        return true;
      },
    };
    const watcher = this.#server.store.watch(
      { key: keyText(prefix), end: keyText(prefixEnd(prefix)), startRevision: 0 },
      sink,
    );
    const onAbort = (): void => wake();
    context.signal.addEventListener('abort', onAbort, { once: true });
    try {
      while (!context.signal.aborted) {
        const changed = new Promise<void>((resolve) => {
          wake = resolve;
        });
        const seen = await queue.first(prefix).catch(() => undefined);
        if (seen === undefined) return;
        if (seen.kv !== undefined && seen.kv.modRevision !== told) {
          told = seen.kv.modRevision;
          if (!stream.send({ header: seen.header, kv: seen.kv })) await stream.drained();
        }
        await changed;
        if (isOver) return;
      }
    } finally {
      context.signal.removeEventListener('abort', onAbort);
      watcher.cancel();
    }
  }

  #queue(context: CallContext): LockQueue {
    return new LockQueue(this.#server, this.#kv, context);
  }
}

function prefixOf(name: Buffer): Buffer {
  return Buffer.concat([name, Buffer.from('/')]);
}

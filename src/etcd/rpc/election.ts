import { KeyValue as KeyValueMessage } from '../../gen/etcd/kv.js';
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
import { etcdError } from '../apply/errors.js';
import { keyText } from '../apply/kv.js';
import type { KeyValue, WatchSink } from '../mvcc/types.js';
import type { CallerIdentity } from './auth-info.js';
import { asInnerClient, sessionLease } from './lock.js';
import { LockQueue, prefixEnd } from './queue-lock.js';
import type { LockMember } from './queue-lock.js';

/** Etcd's error; its code is UNKNOWN because it is an error of the client library that etcd uses inside. */
const noLeaderError = (): GrpcError => new GrpcError(Code.Unknown, 'election: no leader');
const notLeaderError = (): GrpcError => new GrpcError(Code.Unknown, 'election: not leader');
const observeClosedError = (): GrpcError =>
  new GrpcError(Code.Unknown, 'election: observe closed early');
const missingLeaderKey = (): GrpcError =>
  new GrpcError(Code.Unknown, '"leader" field must be provided');

/** The election service (v3electionpb.Election). */
export class ElectionService implements Handlers<typeof ElectionDefinition> {
  readonly #server: LockMember;
  readonly #identity: CallerIdentity;

  constructor(server: LockMember, identity: CallerIdentity) {
    this.#server = server;
    this.#identity = identity;
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
    const queue = await this.#queue(context);
    const lease = await sessionLease(this.#server, request.lease);
    const place = await queue.enter(request.name, lease, request.value);
    if (place.existed) await queue.update(place, lease, request.value);
    await queue.waitTurn(prefixOf(request.name), place, context);
    const { name } = request;
    const leader = { name, key: place.key, rev: place.createRevision, lease };
    return { header: this.#server.header(), leader };
  }

  async #proclaim(request: ProclaimRequest, context: CallContext): Promise<ProclaimResponse> {
    const { leader, value } = request;
    if (leader === undefined) throw missingLeaderKey();
    const queue = await this.#queue(context);
    const place = { key: leader.key, createRevision: leader.rev };
    if (!(await queue.update(place, leader.lease, value))) throw notLeaderError();
    return { header: this.#server.header() };
  }

  async #leader(request: LeaderRequest, context: CallContext): Promise<LeaderResponse> {
    const queue = await this.#queue(context);
    const kv = await queue.first(prefixOf(request.name));
    if (kv === undefined) throw noLeaderError();
    return { header: this.#server.header(), kv: messageOf(kv) };
  }

  async #resign(request: ResignRequest, context: CallContext): Promise<ResignResponse> {
    const { leader } = request;
    if (leader === undefined) throw missingLeaderKey();
    if (leader.key.length === 0) throw etcdError('emptyKey');
    const queue = await this.#queue(context);
    const kv = this.#server.store.get(keyText(leader.key));
    if (kv !== undefined && kv.createRevision === leader.rev) await queue.leave(leader.key);
    return { header: this.#server.header() };
  }

  /** Tells the present leader and each new one, until the caller has heard enough. */
  async observe(
    request: LeaderRequest,
    stream: Sender<LeaderResponse>,
    context: CallContext,
  ): Promise<void> {
    const queue = await this.#queue(context);
    const prefix = prefixOf(request.name);
    queue.mayRead(prefix);
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
        const kv = queue.firstHere(prefix);
        if (kv !== undefined && kv.modRevision !== told) {
          told = kv.modRevision;
          const answer = { header: this.#server.header(), kv: messageOf(kv) };
          if (!stream.send(answer)) await stream.drained();
        }
        await changed;
        if (isOver) throw observeClosedError();
      }
    } finally {
      context.signal.removeEventListener('abort', onAbort);
      watcher.cancel();
    }
  }

  async #queue(context: CallContext): Promise<LockQueue> {
    return new LockQueue(this.#server, await this.#identity.of(context));
  }
}

function prefixOf(name: Buffer): Buffer {
  return Buffer.concat([name, Buffer.from('/')]);
}

function messageOf(kv: KeyValue): KeyValueMessage {
  return KeyValueMessage.decode(kv.encoded);
}

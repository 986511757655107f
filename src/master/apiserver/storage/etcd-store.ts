import {
  KVDefinition,
  LeaseDefinition,
  MaintenanceDefinition,
  WatchDefinition,
} from '../../../gen/etcd/rpc.js';
import type { KeyValue } from '../../../gen/etcd/kv.js';
import type { RequestOp, TxnResponse } from '../../../gen/etcd/rpc.js';
import type { Clock } from '../../../lib/clock.js';
import type { Channel, ChannelTls, Client } from '../../../lib/grpc/index.js';
import { Code, createGrpcChannel, isGrpcError } from '../../../lib/grpc/index.js';
import type { Logger } from '../../../lib/log.js';
import type { TlsSource } from '../../../lib/pki/tls-source.js';
import { deleteOp, getOp, modRevisionIs, putRequest, rangeRequest } from './etcd-messages.js';
import { followPrefix, progressBy, progressKey } from './etcd-watch.js';
import type {
  Guard,
  RangeOptions,
  RangeResult,
  Store,
  StoredKv,
  StoreOp,
  StoreWatch,
  TxnResult,
  WatchHandlers,
} from './store.js';
import { StoreError } from './store.js';

/** The address of the etcd cluster, and the credentials for it. */
export interface EtcdStoreOptions {
  /** `http://host:port` or `https://host:port`, or `host:port`. */
  readonly endpoints: readonly string[];
  readonly tls?: TlsSource<ChannelTls>;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Keys that expire about together share a lease; a new one is granted so often. */
const leaseShareMs = 60_000;
const callDeadlineMs = 10_000;
/** Any key: only the revision in the answer's header counts. */
const revisionProbe = Buffer.from('/registry/health');

interface Member {
  readonly channel: Channel;
  readonly kv: Client<typeof KVDefinition>;
  readonly lease: Client<typeof LeaseDefinition>;
  readonly watch: Client<typeof WatchDefinition>;
  readonly maintenance: Client<typeof MaintenanceDefinition>;
}

/**
 * A {@link Store} on any etcd v3 cluster. Calls go to one member until it fails; reads are repeated on the next one,
 * writes only when the failed call surely did not happen.
 */
export class EtcdStore implements Store {
  readonly #members: readonly Member[];
  readonly #clock: Clock;
  readonly #log: Logger;
  #current = 0;
  readonly #leases = new Map<number, { readonly id: Promise<bigint>; readonly untilMs: number }>();

  constructor(options: EtcdStoreOptions) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#members = options.endpoints.map((endpoint) => connectMember(endpoint, options));
  }

  get #member(): Member {
    const member = this.#members[this.#current % this.#members.length];
    if (member === undefined) throw new StoreError('unavailable', 'no etcd servers are configured');
    return member;
  }

  async #call<T>(repeatable: boolean, run: (member: Member) => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      const member = this.#member;
      try {
        return await run(member);
      } catch (error) {
        const failed = toStoreError(error);
        if (failed.code !== 'unavailable') throw failed;
        if (member === this.#member) this.#current++;
        const mayRepeat = repeatable || failed.definite;
        if (!mayRepeat || attempt + 1 >= this.#members.length * 2) throw failed;
      }
    }
  }

  async get(key: string): Promise<{ kv: StoredKv | undefined; revision: number }> {
    const request = rangeRequest({ key: Buffer.from(key) });
    const answer = await this.#call(true, (m) => m.kv.range(request, deadline));
    const kv = answer.kvs[0];
    return {
      kv: kv === undefined ? undefined : storedKv(kv),
      revision: answer.header?.revision ?? 0,
    };
  }

  async range(options: RangeOptions): Promise<RangeResult> {
    const request = rangeRequest({
      key: Buffer.from(options.start),
      rangeEnd: Buffer.from(options.end),
      limit: options.limit ?? 0,
      revision: options.revision ?? 0,
    });
    const answer = await this.#call(true, (m) => m.kv.range(request, deadline));
    return {
      kvs: answer.kvs.map(storedKv),
      more: answer.more,
      count: answer.count,
      revision: answer.header?.revision ?? 0,
    };
  }

  async revision(): Promise<number> {
    const request = rangeRequest({ key: revisionProbe, countOnly: true });
    const answer = await this.#call(true, (m) => m.kv.range(request, deadline));
    return answer.header?.revision ?? 0;
  }

  async txn(guards: readonly Guard[], ops: readonly StoreOp[]): Promise<TxnResult> {
    const success = await Promise.all(ops.map((op) => this.#requestOp(op)));
    const request = {
      compare: guards.map(modRevisionIs),
      success,
      failure: guards.map((guard) => getOp(guard.key)),
    };
    const answer = await this.#call(false, (m) => m.kv.txn(request, deadline));
    return {
      succeeded: answer.succeeded,
      revision: answer.header?.revision ?? 0,
      current: answer.succeeded ? [] : currentOf(answer),
    };
  }

  async #requestOp(op: StoreOp): Promise<RequestOp> {
    if (op.type === 'delete') return deleteOp(op.key);
    const lease = op.ttlSeconds === undefined ? 0n : await this.#sharedLease(op.ttlSeconds);
    return { request: { $case: 'requestPut', value: putRequest(op.key, op.value, lease) } };
  }

  #sharedLease(ttlSeconds: number): Promise<bigint> {
    const known = this.#leases.get(ttlSeconds);
    const nowMs = this.#clock.monotonicMs();
    if (known !== undefined && known.untilMs > nowMs) return known.id;
    const shareMs = Math.min(leaseShareMs, (ttlSeconds * 1_000) / 10);
    const request = { TTL: ttlSeconds + Math.ceil(shareMs / 1_000), ID: 0n };
    const id = this.#call(true, (m) => m.lease.leaseGrant(request, deadline)).then(
      (answer) => answer.ID,
    );
    id.catch(() => this.#leases.delete(ttlSeconds));
    this.#leases.set(ttlSeconds, { id, untilMs: nowMs + shareMs });
    return id;
  }

  watch(prefix: string, fromRevision: number, handlers: WatchHandlers): StoreWatch {
    return followPrefix({
      prefix,
      fromRevision,
      handlers,
      clock: this.#clock,
      log: this.#log,
      open: () => {
        const { watch, maintenance } = this.#member;
        return {
          stream: watch.watch(),
          progressBy: async () => progressBy((await maintenance.status({}, deadline)).version),
        };
      },
      write: async () => {
        const put: StoreOp = { type: 'put', key: progressKey, value: Buffer.alloc(0) };
        return (await this.txn([], [put])).revision;
      },
      onBroken: () => {
        this.#current++;
      },
    });
  }

  close(): void {
    for (const member of this.#members) member.channel.close();
  }
}

const deadline = { deadlineMs: callDeadlineMs };

function connectMember(endpoint: string, options: EtcdStoreOptions): Member {
  const secure = endpoint.startsWith('https://');
  const target = endpoint.replace(/^https?:\/\//, '').replace(/\/$/, '');
  const channel = createGrpcChannel({
    target,
    log: options.log,
    clock: options.clock,
    ...(secure && options.tls !== undefined ? { tls: options.tls } : {}),
  });
  return {
    channel,
    kv: channel.client(KVDefinition),
    lease: channel.client(LeaseDefinition),
    watch: channel.client(WatchDefinition),
    maintenance: channel.client(MaintenanceDefinition),
  };
}

function storedKv(kv: KeyValue): StoredKv {
  return {
    key: kv.key.toString(),
    value: kv.value,
    createRevision: kv.createRevision,
    modRevision: kv.modRevision,
  };
}

function currentOf(answer: TxnResponse): (StoredKv | undefined)[] {
  return answer.responses.map((response) => {
    if (response.response?.$case !== 'responseRange') return undefined;
    const kv = response.response.value.kvs[0];
    return kv === undefined ? undefined : storedKv(kv);
  });
}

/** Refusals of a member that had nobody to propose to: surely nothing happened. */
const neverProposed = /^etcdserver: (?:no leader|not leader)$/;

function toStoreError(error: unknown): StoreError {
  if (!isGrpcError(error)) {
    return error instanceof StoreError
      ? error
      : new StoreError('other', String(error), { cause: error, definite: false });
  }
  const options = { cause: error, definite: error.definite || neverProposed.test(error.message) };
  if (error.message.includes('compacted'))
    return new StoreError('compacted', error.message, options);
  if (error.message.includes('future revision')) {
    return new StoreError('future', error.message, options);
  }
  switch (error.code) {
    case Code.Unavailable:
    case Code.DeadlineExceeded:
    case Code.Cancelled:
      return new StoreError('unavailable', error.message, options);
    case Code.ResourceExhausted:
    case Code.InvalidArgument:
      return new StoreError(
        error.message.includes('too large') ? 'too-large' : 'other',
        error.message,
        options,
      );
    default:
      return new StoreError('other', error.message, options);
  }
}

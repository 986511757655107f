/**
 * The queue that locks and elections are made of (etcd's concurrency recipes): everybody puts a key `prefix/lease`
 * bound to a lease; who has the lowest create revision holds it, the others wait for the one before them to go. All of
 * it is done by calls of the KV service, with the caller's token: who may not make them by hand may not here.
 */
import {
  Compare_CompareResult,
  Compare_CompareTarget,
  DeleteRangeRequest,
  DeleteRangeResponse,
  RangeRequest,
  RangeRequest_SortOrder,
  RangeRequest_SortTarget,
  RangeResponse,
  TxnRequest,
  TxnResponse,
} from '../../gen/etcd/rpc.js';
import type { RequestOp, ResponseHeader } from '../../gen/etcd/rpc.js';
import type { KeyValue } from '../../gen/etcd/kv.js';
import type { CallContext } from '../../lib/grpc/types.js';
import { Code, GrpcError } from '../../lib/grpc/types.js';
import { keyText } from '../apply/kv.js';
import type { WatchableStore, WatchSink } from '../mvcc/types.js';
import type { KvService } from './kv.js';
import type { RequestMember } from './member.js';

/** The member, as the lock and election services need it. */
export interface LockMember extends RequestMember {
  readonly store: Pick<WatchableStore, 'rev' | 'watch'>;
}

/** The calls of the KV service that the recipes make. */
export type LockStore = Pick<KvService, 'range' | 'deleteRange' | 'txn'>;

const noBytes = Buffer.alloc(0);

type Header = ResponseHeader | undefined;

/** A place in the queue. */
export interface QueuePlace {
  readonly key: Buffer;
  readonly createRevision: number;
}

/** A place, and what was seen as it was taken. */
export interface TakenPlace extends QueuePlace {
  readonly header: Header;
  /** The value that the key had, where the lease has stood in the queue before. */
  readonly previous: Buffer | undefined;
  /** True where nobody stands before. */
  readonly isFirst: boolean;
}

/** First key behind all keys with the prefix. */
export function prefixEnd(prefix: Buffer): Buffer {
  const end = Buffer.from(prefix);
  for (let at = end.length - 1; at >= 0; at--) {
    const byte = end[at] ?? 0;
    if (byte < 0xff) {
      end[at] = byte + 1;
      return end.subarray(0, at + 1);
    }
  }
  return Buffer.from([0]);
}

/** Operations on such queues, on behalf of one caller. */
export class LockQueue {
  readonly #server: LockMember;
  readonly #kv: LockStore;
  readonly #context: CallContext;

  constructor(server: LockMember, kv: LockStore, context: CallContext) {
    this.#server = server;
    this.#kv = kv;
    this.#context = context;
  }

  /**
   * Takes a place; taking it again with the same lease keeps it.
   * @param options.owner the right to read the queue is needed at once, as for etcd's mutex
   */
  async enter(
    prefix: Buffer,
    place: { readonly lease: bigint; readonly value: Buffer },
    options: { readonly owner: boolean },
  ): Promise<TakenPlace> {
    const key = Buffer.concat([prefix, Buffer.from(place.lease.toString(16))]);
    const owner = options.owner ? [rangeOp(firstOf(prefix))] : [];
    const answer = await this.#txn({
      compare: [createdAt(key, 0)],
      success: [putOp(key, place), ...owner],
      failure: [rangeOp(rangeOf(key)), ...owner],
    });
    const [own, first] = answer.responses.map(({ response }) => response);
    const before = own?.$case === 'responseRange' ? own.value.kvs[0] : undefined;
    const createRevision = before?.createRevision ?? answer.header?.revision ?? 0;
    const holder = first?.$case === 'responseRange' ? first.value.kvs[0] : undefined;
    const isFirst =
      options.owner && (holder === undefined || holder.createRevision === createRevision);
    return { key, createRevision, header: answer.header, previous: before?.value, isFirst };
  }

  /** Waits until nobody is before the place. @throws when the call ends; the place is given up then */
  async waitTurn(prefix: Buffer, place: QueuePlace): Promise<void> {
    try {
      for (;;) {
        const request = lastBefore(prefix, place.createRevision);
        const { kvs, header } = await this.#range(request);
        if (kvs[0] === undefined) return;
        await this.#deleted(kvs[0].key, header?.revision ?? 0);
      }
    } catch (error) {
      await this.leave(place).catch(() => undefined);
      throw error;
    }
  }

  /** @returns the header of a read of the place, by which its lease has not ended. @throws where it has */
  async held(place: QueuePlace): Promise<Header> {
    const { kvs, header } = await this.#range(rangeOf(place.key));
    if (kvs.length === 0) throw new GrpcError(Code.Unknown, 'mutex: session is expired');
    return header;
  }

  /** Deletes a key, whoever has put it. @throws emptyKey */
  async release(key: Buffer): Promise<Header> {
    const message = { key, rangeEnd: noBytes, prevKv: false };
    const bytes = DeleteRangeRequest.encode(message).finish();
    const answer = await this.#kv.deleteRange({ message, bytes }, this.#context);
    return DeleteRangeResponse.decode(answer).header;
  }

  /** Gives the place up, if it is still the same. @throws emptyKey */
  async leave(place: QueuePlace): Promise<Header> {
    const { header } = await this.#ifHeld(place, deleteOp(place.key));
    return header;
  }

  /** Changes the value of a place. @returns undefined where it is held no longer. @throws emptyKey */
  async update(
    place: QueuePlace,
    content: { readonly lease: bigint; readonly value: Buffer },
  ): Promise<{ readonly header: Header } | undefined> {
    const answer = await this.#ifHeld(place, putOp(place.key, content));
    return answer.succeeded ? answer : undefined;
  }

  /** Reads the pair of the queue's holder. */
  async first(prefix: Buffer): Promise<{ readonly header: Header; readonly kv?: KeyValue }> {
    const { header, kvs } = await this.#range(firstOf(prefix));
    return kvs[0] === undefined ? { header } : { header, kv: kvs[0] };
  }

  /** Waits until a key goes that was there at a revision. */
  #deleted(key: Buffer, revision: number): Promise<void> {
    const { signal } = this.#context;
    return new Promise((resolve, reject) => {
      const sink: WatchSink = {
        send: () => {
          finish();
          return true;
        },
      };
      // From there on that the range has seen: it may go before this member gets to watch it. Not from the key's own
      // revision, which may be compacted: that ends a watch at once, and again each time.
      const from = { key: keyText(key), end: '', startRevision: revision + 1 };
      const watcher = this.#server.store.watch({ ...from, noPut: true }, sink);
      const onAbort = (): void => {
        watcher.cancel();
        reject(new GrpcError(Code.Cancelled, 'context canceled'));
      };
      const finish = (): void => {
        signal.removeEventListener('abort', onAbort);
        watcher.cancel();
        resolve();
      };
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  #ifHeld({ key, createRevision }: QueuePlace, op: RequestOp): Promise<TxnResponse> {
    return this.#txn({ compare: [createdAt(key, createRevision)], success: [op], failure: [] });
  }

  async #txn(message: TxnRequest): Promise<TxnResponse> {
    const bytes = TxnRequest.encode(message).finish();
    return TxnResponse.decode(await this.#kv.txn({ message, bytes }, this.#context));
  }

  async #range(request: RangeRequest): Promise<RangeResponse> {
    return RangeResponse.decode(await this.#kv.range(request, this.#context));
  }
}

function createdAt(key: Buffer, value: number): TxnRequest['compare'][number] {
  return {
    result: Compare_CompareResult.EQUAL,
    target: Compare_CompareTarget.CREATE,
    key,
    targetUnion: { $case: 'createRevision', value },
    rangeEnd: noBytes,
  };
}

function putOp(key: Buffer, { lease, value }: { lease: bigint; value: Buffer }): RequestOp {
  const flags = { prevKv: false, ignoreValue: false, ignoreLease: false };
  return { request: { $case: 'requestPut', value: { key, value, lease, ...flags } } };
}

function deleteOp(key: Buffer): RequestOp {
  return {
    request: { $case: 'requestDeleteRange', value: { key, rangeEnd: noBytes, prevKv: false } },
  };
}

function rangeOp(value: RangeRequest): RequestOp {
  return { request: { $case: 'requestRange', value } };
}

function rangeOf(key: Buffer): RangeRequest {
  return { ...RangeRequest.decode(noBytes), key };
}

function firstOf(prefix: Buffer): RangeRequest {
  return {
    ...rangeOf(prefix),
    rangeEnd: prefixEnd(prefix),
    limit: 1,
    sortOrder: RangeRequest_SortOrder.ASCEND,
    sortTarget: RangeRequest_SortTarget.CREATE,
  };
}

function lastBefore(prefix: Buffer, createRevision: number): RangeRequest {
  return {
    ...firstOf(prefix),
    sortOrder: RangeRequest_SortOrder.DESCEND,
    maxCreateRevision: createRevision - 1,
  };
}

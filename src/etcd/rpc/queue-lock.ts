/**
 * The queue that locks and elections are made of (etcd's concurrency recipes): everybody puts a key `prefix/lease`
 * bound to a lease; who has the lowest create revision holds it, the others wait for the one before them to go.
 */
import { DeleteRangeRequest, TxnRequest } from '../../gen/etcd/rpc.js';
import type { PutRequest } from '../../gen/etcd/rpc.js';
import type { CallContext } from '../../lib/grpc/types.js';
import { Code, GrpcError } from '../../lib/grpc/types.js';
import { etcdError } from '../apply/errors.js';
import { keyText } from '../apply/kv.js';
import { checkDelete, checkPut } from './validate.js';
import { mayDelete, mayPut } from '../apply/permissions.js';
import type { AuthInfo } from '../auth/tokens.js';
import type { KeyValue, WatchSink } from '../mvcc/types.js';
import { entryAuth } from './auth-info.js';
import type { PermissionContext } from '../apply/permissions.js';
import type { WatchableStore } from '../mvcc/types.js';
import type { RequestMember } from './member.js';

/** The member, as the lock and election services need it. */
export interface LockMember extends RequestMember, PermissionContext {
  readonly store: Pick<WatchableStore, 'rev' | 'get' | 'range' | 'watch'>;
}

const noBytes = Buffer.alloc(0);

/** A place in the queue. */
export interface QueuePlace {
  readonly key: Buffer;
  readonly createRevision: number;
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
  readonly #info: AuthInfo | undefined;

  constructor(server: LockMember, info: AuthInfo | undefined) {
    this.#server = server;
    this.#info = info;
  }

  /** Takes a place; taking it again with the same lease keeps it. @throws leaseNotFound */
  async enter(
    prefix: Buffer,
    lease: bigint,
    value: Buffer,
  ): Promise<QueuePlace & { readonly existed: boolean }> {
    const key = Buffer.concat([prefix, Buffer.from(`/${lease.toString(16)}`)]);
    const put = {
      key,
      value,
      lease,
      prevKv: false,
      ignoreValue: false,
      ignoreLease: false,
    };
    const absent = {
      result: 0,
      target: 1,
      key,
      targetUnion: { $case: 'createRevision', value: 0 },
      rangeEnd: noBytes,
    } as const;
    const request: TxnRequest = {
      compare: [absent],
      success: [{ request: { $case: 'requestPut', value: put } }],
      failure: [],
    };
    mayPut(this.#server, this.#info, put);
    const before = this.#server.store.get(keyText(key));
    await this.#propose('txn', TxnRequest.encode(request).finish(), request);
    const kv = this.#server.store.get(keyText(key));
    if (kv === undefined) throw etcdError('leaseNotFound');
    return { key, createRevision: kv.createRevision, existed: before !== undefined };
  }

  /** Waits until nobody is before the place. @throws when the call ends; the place is given up then */
  async waitTurn(prefix: Buffer, place: QueuePlace, context: CallContext): Promise<void> {
    let hasWaited = false;
    try {
      for (;;) {
        const before = this.#lastBefore(prefix, place.createRevision);
        if (before === undefined) break;
        await this.#deleted(before, context);
        hasWaited = true;
      }
      // As etcd: the lease may have ended meanwhile, and this member not know it yet.
      if (hasWaited) await this.#server.requests.linearizable(() => undefined);
    } catch (error) {
      await this.leave(place.key).catch(() => undefined);
      throw error;
    }
    if (this.#server.store.get(keyText(place.key)) === undefined) {
      throw new GrpcError(Code.Unknown, 'mutex: session is expired');
    }
  }

  /** Gives the place up. @throws emptyKey */
  async leave(key: Buffer): Promise<void> {
    const request: DeleteRangeRequest = { key, rangeEnd: noBytes, prevKv: false };
    checkDelete(request);
    mayDelete(this.#server, this.#info, request);
    await this.#propose('deleteRange', DeleteRangeRequest.encode(request).finish(), request);
  }

  /** Changes the value of a place. @returns whether it is still held. @throws emptyKey */
  async update(place: QueuePlace, lease: bigint, value: Buffer): Promise<boolean> {
    const { key, createRevision } = place;
    const put: PutRequest = {
      key,
      value,
      lease,
      prevKv: false,
      ignoreValue: false,
      ignoreLease: false,
    };
    checkPut(put);
    mayPut(this.#server, this.#info, put);
    const request: TxnRequest = {
      compare: [
        {
          result: 0,
          target: 1,
          key,
          targetUnion: { $case: 'createRevision', value: createRevision },
          rangeEnd: noBytes,
        },
      ],
      success: [{ request: { $case: 'requestPut', value: put } }],
      failure: [],
    };
    await this.#propose('txn', TxnRequest.encode(request).finish(), request);
    const kv = this.#server.store.get(keyText(key));
    return kv !== undefined && kv.createRevision === createRevision && kv.value.equals(value);
  }

  /** Reads the pair of the queue's holder, by a linearizable read. */
  async first(prefix: Buffer): Promise<KeyValue | undefined> {
    await this.#server.requests.linearizable(() => undefined);
    return this.firstHere(prefix);
  }

  /** Reads the pair of the queue's holder from this member's own state. */
  firstHere(prefix: Buffer): KeyValue | undefined {
    const range = { key: prefix, rangeEnd: prefixEnd(prefix) };
    this.#server.auth.checkRange(this.#info, 'read', textOf(range));
    const { key, end } = textOf(range);
    const found = this.#server.store.range(key, end, {
      limit: 1,
      sortTarget: 'create',
      sortOrder: 'ascend',
    });
    return found.kvs[0];
  }

  #lastBefore(prefix: Buffer, createRevision: number): KeyValue | undefined {
    const { key, end } = textOf({ key: prefix, rangeEnd: prefixEnd(prefix) });
    const found = this.#server.store.range(key, end, {
      limit: 1,
      sortTarget: 'create',
      sortOrder: 'descend',
      maxCreateRevision: createRevision - 1,
    });
    return found.kvs[0];
  }

  #deleted(kv: KeyValue, context: CallContext): Promise<void> {
    return new Promise((resolve, reject) => {
      const sink: WatchSink = {
        send: () => {
          finish();
          return true;
        },
      };
      const watcher = this.#server.store.watch(
        {
          key: keyText(kv.key),
          end: '',
          startRevision: this.#server.store.rev + 1,
          noPut: true,
        },
        sink,
      );
      const onAbort = (): void => {
        watcher.cancel();
        reject(new GrpcError(Code.Cancelled, 'context canceled'));
      };
      const finish = (): void => {
        context.signal.removeEventListener('abort', onAbort);
        watcher.cancel();
        resolve();
      };
      if (context.signal.aborted) onAbort();
      else context.signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  async #propose(
    kind: 'txn' | 'deleteRange',
    payload: Uint8Array,
    request: unknown,
  ): Promise<void> {
    await this.#server.requests.propose(kind, payload, request, entryAuth(this.#info));
  }

  /** @throws AuthError */
  mayRead(prefix: Buffer): void {
    const request = { key: prefix, rangeEnd: prefixEnd(prefix) };
    this.#server.auth.checkRange(this.#info, 'read', textOf(request));
  }
}

function textOf(range: { readonly key: Buffer; readonly rangeEnd: Buffer }): {
  key: string;
  end: string;
} {
  return { key: keyText(range.key), end: keyText(range.rangeEnd) };
}

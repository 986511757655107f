import {
  CompactionRequest,
  DeleteRangeRequest,
  KVDefinition,
  PutRequest,
  TxnRequest,
} from '../../gen/etcd/rpc.js';
import type { CompactionResponse, RangeRequest } from '../../gen/etcd/rpc.js';
import type { CallContext, Handlers } from '../../lib/grpc/types.js';
import type { CompactionResult } from '../apply/applier.js';
import { needsSpace } from '../apply/applier.js';
import type { EntryKind } from '../apply/entry.js';
import { readRange } from '../apply/kv.js';
import { mayRange, mayTxn } from '../apply/permissions.js';
import { isReadOnly, isSerializable, readTxn } from '../apply/txn.js';
import type { AuthInfo } from '../auth/tokens.js';
import type { Quota } from '../guards/quota.js';
import type { TimedRange } from '../telemetry/added-in-36.js';
import type { CallerIdentity } from './auth-info.js';
import { entryAuth } from './auth-info.js';
import { encodedAnswer, withBytes } from './codecs.js';
import type { WithBytes } from './codecs.js';
import { checkDelete, checkPut, checkRange, checkTxn } from './validate.js';
import type { PermissionContext } from '../apply/permissions.js';
import type { TxnContext } from '../apply/txn.js';
import type { RequestMember } from './member.js';

/** The member, as the KV service needs it. */
export interface KvMember extends RequestMember, TxnContext, PermissionContext {
  readonly config: { readonly maxTxnOps: number };
}

const { methods } = KVDefinition;

/** The KV service with requests that keep their bytes and answers that are encoded already. */
export const rawKvDefinition = {
  ...KVDefinition,
  methods: {
    range: { ...methods.range, responseType: encodedAnswer },
    put: { ...methods.put, requestType: withBytes(PutRequest), responseType: encodedAnswer },
    deleteRange: {
      ...methods.deleteRange,
      requestType: withBytes(DeleteRangeRequest),
      responseType: encodedAnswer,
    },
    txn: { ...methods.txn, requestType: withBytes(TxnRequest), responseType: encodedAnswer },
    compact: methods.compact,
  },
} as const;

type Answer = Uint8Array | Promise<Uint8Array>;

/** The KV service (etcdserverpb.KV). */
export class KvService implements Handlers<typeof rawKvDefinition> {
  readonly #server: KvMember;
  readonly #identity: CallerIdentity;
  readonly #quota: Quota;
  readonly #timed: TimedRange;

  /** @param timed runs every range @default counts no time */
  constructor(
    server: KvMember,
    identity: CallerIdentity,
    quota: Quota,
    timed: TimedRange = (read) => read(),
  ) {
    this.#timed = timed;
    this.#server = server;
    this.#identity = identity;
    this.#quota = quota;
  }

  range(request: RangeRequest, context: CallContext): Answer {
    checkRange(request);
    const info = this.#identity.of(context);
    if (info instanceof Promise) return info.then((known) => this.#range(request, known));
    return this.#range(request, info);
  }

  #range(request: RangeRequest, info: AuthInfo | undefined): Answer {
    const server = this.#server;
    const read = (): Buffer => {
      mayRange(server, info, request);
      const header = (): Buffer => server.headers.field(server.store.rev);
      return this.#timed(() => readRange(server.store, request, header));
    };
    return request.serializable ? read() : server.requests.linearizable(read);
  }

  put({ message, bytes }: WithBytes<PutRequest>, context: CallContext): Answer {
    checkPut(message);
    return this.#quota.refusal(bytes.length) ?? this.#propose('put', bytes, message, context);
  }

  deleteRange({ message, bytes }: WithBytes<DeleteRangeRequest>, context: CallContext): Answer {
    checkDelete(message);
    return this.#propose('deleteRange', bytes, message, context);
  }

  txn({ message, bytes }: WithBytes<TxnRequest>, context: CallContext): Answer {
    checkTxn(message, this.#server.config.maxTxnOps);
    if (isReadOnly(message)) return this.#readTxn(message, context);
    const refusal = needsSpace(message) ? this.#quota.refusal(bytes.length) : undefined;
    // Older builds apply half of some transactions that they refuse, and take some comparisons for others.
    const kinds = ['exactTxn', 'checkedTxn'] as const;
    const kind = kinds.find((one) => this.#server.requests.mayPropose(one)) ?? 'txn';
    return refusal ?? this.#propose(kind, bytes, message, context);
  }

  async #readTxn(request: TxnRequest, context: CallContext): Promise<Uint8Array> {
    const server = this.#server;
    const info = await this.#identity.of(context);
    const read = (): Buffer => {
      mayTxn(server, info, request, 'all');
      return readTxn(server, request);
    };
    if (isSerializable(request)) return read();
    return server.requests.linearizable(read);
  }

  async compact(request: CompactionRequest, context: CallContext): Promise<CompactionResponse> {
    const server = this.#server;
    const info = await this.#identity.admin(context);
    const payload = CompactionRequest.encode(request).finish();
    const result = (await server.requests.propose(
      'compaction',
      payload,
      request,
      entryAuth(info),
    )) as CompactionResult;
    if (request.physical) await result.physical;
    return { header: server.header() };
  }

  #propose(kind: EntryKind, bytes: Uint8Array, message: unknown, context: CallContext): Answer {
    const info = this.#identity.of(context);
    if (info instanceof Promise) {
      return info.then(
        (known) =>
          this.#server.requests.propose(
            kind,
            bytes,
            message,
            entryAuth(known),
          ) as Promise<Uint8Array>,
      );
    }
    return this.#server.requests.propose(
      kind,
      bytes,
      message,
      entryAuth(info),
    ) as Promise<Uint8Array>;
  }
}

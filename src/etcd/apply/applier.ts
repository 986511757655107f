/**
 * The state machine: the only writer of the store, in log order, the same on every member. The chain is etcd's: a
 * corrupt cluster takes nothing, a full one takes no writes, then permissions, then the request itself.
 */
import {
  AlarmRequest,
  AlarmRequest_AlarmAction,
  AlarmType,
  CompactionRequest,
  DeleteRangeRequest,
  LeaseCheckpointRequest,
  LeaseGrantRequest,
  LeaseRevokeRequest,
  PutRequest,
  TxnRequest,
} from '../../gen/etcd/rpc.js';
import type { AlarmMember } from '../../gen/etcd/rpc.js';
import { MemberAttributes } from '../../gen/etcd/internal.js';
import { assertNever } from '../../lib/assert.js';
import type { AuthStore } from '../auth/auth-store.js';
import type { AuthInfo, SimpleTokens } from '../auth/tokens.js';
import type { LeaseInfo, Lessor } from '../lease/types.js';
import type { WatchableStore } from '../mvcc/types.js';
import type { AlarmStore } from './alarms.js';
import { applyAuth } from './auth.js';
import type { DowngradeStore } from './downgrade.js';
import type { ResponseHeaders } from './encode.js';
import type { DecodedEntry } from './entry.js';
import { etcdError } from './errors.js';
import type { LogVersionStore } from './log-version.js';
import { checkPut, deleteRange, put } from './kv.js';
import { mayDelete, mayPut, mayTxn, mayUseLease } from './permissions.js';
import type { PathChecks } from './txn-checks.js';
import { runTxn } from './txn.js';

/** The state that applying changes. */
export interface ApplyState {
  readonly store: WatchableStore;
  readonly lessor: Lessor;
  readonly auth: AuthStore;
  readonly tokens: SimpleTokens | undefined;
  readonly alarms: AlarmStore;
  readonly downgrade: DowngradeStore;
  readonly logVersion: LogVersionStore;
  readonly headers: ResponseHeaders;
  /** The members as the cluster knows them. */
  readonly membership: {
    setAttributes(id: bigint, name: string, clientUrls: readonly string[]): void;
  };
  readonly onLeaseGranted: (ttlSeconds: number) => void;
}

/** The answer to a compaction: a promise for the end of the removal. */
export interface CompactionResult {
  readonly physical: Promise<void>;
}

/** Everything that applying may answer: encoded messages for the KV calls, plain results for the others. */
export type ApplyResult =
  Buffer | CompactionResult | LeaseInfo | readonly AlarmMember[] | string | undefined;

/** One entry on its way through the chain. */
interface Step {
  readonly entry: DecodedEntry;
  /** The request as its caller decoded it; others decode the payload. */
  readonly request: unknown;
  /** True when somebody waits for the answer; else none is encoded. */
  readonly wanted: boolean;
  readonly info: AuthInfo | undefined;
  readonly index: number;
}

/** Applies committed entries to the store, in log order. */
export class Applier {
  /** Called after each applied entry that needs space. */
  onGrowth: () => void = () => undefined;
  readonly #state: ApplyState;

  constructor(state: ApplyState) {
    this.#state = state;
  }

  /**
   * Applies one entry.
   * @throws the errors that clients see (`asEtcdError` knows them), with nothing changed; anything else is a broken
   * member
   */
  apply(
    entry: DecodedEntry,
    index: number,
    waiting: { readonly request: unknown } | undefined,
  ): ApplyResult {
    const info =
      entry.auth === undefined
        ? undefined
        : { username: entry.auth.username, revision: entry.auth.authRevision };
    const wanted = waiting !== undefined;
    const step: Step = { entry, request: waiting?.request, wanted, info, index };
    switch (entry.kind) {
      case 'put':
        return this.#put(step);
      case 'deleteRange':
        return this.#deleteRange(step);
      case 'txn':
        return this.#txn(step, 'legacy');
      case 'checkedTxn':
        return this.#txn(step, 'checked');
      case 'exactTxn':
        return this.#txn(step, 'all');
      case 'compaction':
        return this.#compact(step);
      case 'leaseGrant':
        return this.#leaseGrant(step);
      case 'leaseRevoke':
        return this.#leaseRevoke(step);
      case 'leaseCheckpoint':
        return this.#leaseCheckpoint(step);
      case 'alarm':
        return this.#alarm(step);
      case 'memberAttributes':
        return this.#memberAttributes(step);
      case 'downgradeInfo':
        this.#state.downgrade.target = entry.payload.toString() || undefined;
        return undefined;
      case 'logVersion':
        this.#state.logVersion.raise(Number(entry.payload.toString()));
        return undefined;
      case 'none':
        return undefined;
      case 'authEnable':
      case 'authDisable':
      case 'authenticate':
      case 'authUserAdd':
      case 'authUserDelete':
      case 'authUserChangePassword':
      case 'authUserGrantRole':
      case 'authUserRevokeRole':
      case 'authRoleAdd':
      case 'authRoleDelete':
      case 'authRoleGrantPermission':
      case 'authRoleRevokePermission':
        return applyAuth(this.#state, { ...step, kind: entry.kind, payload: entry.payload });
      default:
        return assertNever(entry.kind, 'entry kind');
    }
  }

  #refuseCorrupt(): void {
    if (this.#state.alarms.has(AlarmType.CORRUPT)) throw etcdError('corrupt');
  }

  /** Nothing that makes the database grow, once it is full. */
  #refuseFull(): void {
    if (this.#state.alarms.has(AlarmType.NOSPACE)) throw etcdError('noSpace');
  }

  #put({ entry, request, wanted, info }: Step): Buffer | undefined {
    const { store, lessor, headers } = this.#state;
    const message = (request as PutRequest | undefined) ?? PutRequest.decode(entry.payload);
    this.#refuseCorrupt();
    this.#refuseFull();
    mayPut(this.#state, info, message);
    checkPut(store, lessor, message);
    const txn = store.write();
    let finish;
    try {
      finish = put(txn, lessor, message);
    } finally {
      txn.end();
    }
    this.onGrowth();
    return wanted ? finish(headers.field(store.rev)) : undefined;
  }

  #deleteRange({ entry, request, wanted, info }: Step): Buffer | undefined {
    const { store, headers } = this.#state;
    const message =
      (request as DeleteRangeRequest | undefined) ?? DeleteRangeRequest.decode(entry.payload);
    this.#refuseCorrupt();
    mayDelete(this.#state, info, message);
    const txn = store.write();
    let finish;
    try {
      finish = deleteRange(txn, message);
    } finally {
      txn.end();
    }
    return wanted ? finish(headers.field(store.rev)) : undefined;
  }

  #txn({ entry, request, info }: Step, checks: PathChecks): Buffer {
    const { store, lessor, headers } = this.#state;
    const message = (request as TxnRequest | undefined) ?? TxnRequest.decode(entry.payload);
    this.#refuseCorrupt();
    const grows = needsSpace(message);
    if (grows) this.#refuseFull();
    mayTxn(this.#state, info, message, checks);
    const answer = runTxn({ store, lessor, headers }, message, checks);
    if (grows) this.onGrowth();
    return answer;
  }

  #compact({ entry }: Step): CompactionResult {
    this.#refuseCorrupt();
    const { revision } = CompactionRequest.decode(entry.payload);
    const physical = this.#state.store.compact(revision);
    // Most callers do not wait for it.
    physical.catch(() => undefined);
    return { physical };
  }

  #leaseGrant({ entry }: Step): LeaseInfo {
    this.#refuseCorrupt();
    this.#refuseFull();
    const { ID, TTL } = LeaseGrantRequest.decode(entry.payload);
    const lease = this.#state.lessor.grant(ID, TTL);
    this.#state.onLeaseGranted(lease.grantedTtlSeconds);
    this.onGrowth();
    return lease;
  }

  #leaseRevoke({ entry, info }: Step): undefined {
    this.#refuseCorrupt();
    const { ID } = LeaseRevokeRequest.decode(entry.payload);
    const { store, lessor } = this.#state;
    if (info !== undefined) mayUseLease(this.#state, info, ID);
    lessor.revoke(ID, {
      deleteKeys(keys) {
        const txn = store.write();
        try {
          for (const key of keys) txn.deleteRange(key, '');
        } finally {
          txn.end();
        }
      },
    });
    return undefined;
  }

  #leaseCheckpoint({ entry }: Step): undefined {
    for (const { ID, remainingTTL } of LeaseCheckpointRequest.decode(entry.payload).checkpoints) {
      this.#state.lessor.checkpoint(ID, remainingTTL);
    }
    return undefined;
  }

  #memberAttributes({ entry }: Step): undefined {
    const { memberId, name, clientUrls } = MemberAttributes.decode(entry.payload);
    this.#state.membership.setAttributes(memberId, name, clientUrls);
    return undefined;
  }

  #alarm({ entry }: Step): readonly AlarmMember[] {
    const { alarms } = this.#state;
    const request = AlarmRequest.decode(entry.payload);
    switch (request.action) {
      case AlarmRequest_AlarmAction.GET:
        return alarms.list(request.alarm);
      case AlarmRequest_AlarmAction.ACTIVATE:
        return request.alarm === AlarmType.NONE
          ? []
          : [alarms.raise(request.memberID, request.alarm)];
      case AlarmRequest_AlarmAction.DEACTIVATE: {
        const lowered = alarms.lower(request.memberID, request.alarm);
        return lowered === undefined ? [] : [lowered];
      }
      default:
        return [];
    }
  }
}

/** True when a branch of the transaction may put. */
export function needsSpace(request: TxnRequest): boolean {
  return [...request.success, ...request.failure].some(
    ({ request: op }) =>
      op?.$case === 'requestPut' || (op?.$case === 'requestTxn' && needsSpace(op.value)),
  );
}

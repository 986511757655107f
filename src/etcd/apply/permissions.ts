/** Checks the permissions that a KV request needs: before it is proposed or read, and again in log order by apply. */
import type {
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  TxnRequest,
} from '../../gen/etcd/rpc.js';
import type { AuthStore } from '../auth/auth-store.js';
import type { AskedRange } from '../auth/permissions.js';
import type { AuthInfo } from '../auth/tokens.js';
import type { Lessor } from '../lease/types.js';
import { keyText } from './kv.js';
import type { PathChecks } from './txn-checks.js';

/** The state that permission checks ask. */
export interface PermissionContext {
  readonly auth: AuthStore;
  readonly lessor: Lessor;
}

interface KeyRange {
  readonly key: Buffer;
  readonly rangeEnd: Buffer;
}

const noEnd = Buffer.alloc(0);

function askedRange(range: KeyRange, checks: PathChecks): AskedRange {
  return { key: keyText(range.key), end: keyText(range.rangeEnd), isLegacy: checks !== 'all' };
}

/** @throws AuthError */
export function mayRange(
  context: PermissionContext,
  info: AuthInfo | undefined,
  request: RangeRequest,
  checks: PathChecks = 'all',
): void {
  context.auth.checkRange(info, 'read', askedRange(request, checks));
}

/** Writing with a lease needs the right to write every key that the lease may delete. @throws AuthError */
export function mayUseLease(
  context: PermissionContext,
  info: AuthInfo | undefined,
  lease: bigint,
): void {
  if (lease === 0n || !context.auth.enabled || !context.lessor.has(lease)) return;
  for (const key of context.lessor.timeToLive(lease).keys) {
    context.auth.checkRange(info, 'write', { key, end: '' });
  }
}

/** Seeing which keys hang on a lease, or that it exists, needs the right to read them. @throws AuthError */
export function maySeeLease(
  context: PermissionContext,
  info: AuthInfo | undefined,
  lease: bigint,
): void {
  if (!context.auth.enabled || !context.lessor.has(lease)) return;
  for (const key of context.lessor.timeToLive(lease).keys) {
    context.auth.checkRange(info, 'read', { key, end: '' });
  }
}

/** @throws AuthError */
export function mayPut(
  context: PermissionContext,
  info: AuthInfo | undefined,
  request: PutRequest,
): void {
  const range = { key: keyText(request.key), end: '' };
  context.auth.checkRange(info, 'write', range);
  mayUseLease(context, info, request.lease);
  if (request.prevKv) context.auth.checkRange(info, 'read', range);
}

/** @throws AuthError */
export function mayDelete(
  context: PermissionContext,
  info: AuthInfo | undefined,
  request: DeleteRangeRequest,
  checks: PathChecks = 'all',
): void {
  const range = askedRange(request, checks);
  context.auth.checkRange(info, 'write', range);
  if (request.prevKv) context.auth.checkRange(info, 'read', range);
}

/**
 * Every comparison and both branches.
 * @param checks as those of the transaction's path
 * @throws AuthError
 */
export function mayTxn(
  context: PermissionContext,
  info: AuthInfo | undefined,
  request: TxnRequest,
  checks: PathChecks,
): void {
  for (const { key, rangeEnd } of request.compare) {
    const range = askedRange({ key, rangeEnd: rangeEnd ?? noEnd }, checks);
    context.auth.checkRange(info, 'read', range);
  }
  for (const { request: op } of [...request.success, ...request.failure]) {
    switch (op?.$case) {
      case 'requestRange':
        mayRange(context, info, op.value, checks);
        break;
      case 'requestPut':
        mayPut(context, info, op.value);
        break;
      case 'requestDeleteRange':
        mayDelete(context, info, op.value, checks);
        break;
      case 'requestTxn':
        mayTxn(context, info, op.value, checks);
        break;
      case undefined:
        break;
    }
  }
}

/** The metadata by which members tell each other who calls, and whom the caller takes the other for. */
import type { CallContext, Metadata } from '../../lib/grpc/types.js';
import type { NodeId } from '../../raft/index.js';
import { firstLogVersion } from '../apply/entry-format.js';
import { etcdError } from '../apply/errors.js';

/** Says that the caller, as a leader, takes forwarded proposals only in the term that they are meant for. */
const boundProposals = 'bound-proposals';

/** The two members of a call, and their cluster. */
export interface Caller {
  readonly clusterId: bigint;
  readonly from: NodeId;
  readonly to: NodeId;
  /** The newest log version that the caller knows. */
  readonly logVersion: number;
}

/** Makes the metadata of a call between members. */
export function callerMetadata({ clusterId, from, to, logVersion }: Caller): Metadata {
  return new Map([
    ['cluster-id', clusterId.toString(16)],
    ['member-id', from.toString(16)],
    ['to-member-id', to.toString(16)],
    ['log-version', String(logVersion)],
    [boundProposals, '1'],
  ]);
}

/** The one called. */
interface Callee {
  readonly clusterId: bigint;
  readonly memberId: NodeId;
  isRemoved(id: NodeId): boolean;
}

/**
 * @returns the caller
 * @throws clusterIdMismatch for a member of another cluster, memberRemoved for one that was removed, memberNotFound for
 * one that looks for another
 */
export function checkCaller(context: CallContext, callee: Callee): NodeId {
  if (idIn(context, 'cluster-id') !== callee.clusterId) throw etcdError('clusterIdMismatch');
  const from = idIn(context, 'member-id');
  if (callee.isRemoved(from)) throw etcdError('memberRemoved');
  if (idIn(context, 'to-member-id') !== callee.memberId) throw etcdError('memberNotFound');
  return from;
}

/**
 * Checks a caller that says who it is, as {@link checkCaller}. Builds before this one did not in calls with one answer:
 * whoever says nothing is served.
 */
export function checkNamedCaller(context: CallContext, callee: Callee): void {
  if (context.metadata.has('cluster-id')) checkCaller(context, callee);
}

/** The newest log version that the caller knows; one that says nothing is of a build without gates. */
export function callerLogVersion(context: CallContext): number {
  const text = context.metadata.get('log-version');
  return typeof text === 'string' && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : firstLogVersion;
}

/** True when the caller takes forwarded proposals only in their term; builds before this one do not say so. */
export function callerBindsProposals(context: CallContext): boolean {
  return context.metadata.get(boundProposals) === '1';
}

/** An id in the call's metadata; 0 when there is none. */
function idIn(context: CallContext, name: string): NodeId {
  const text = context.metadata.get(name);
  return typeof text === 'string' && /^[0-9a-f]{1,16}$/.test(text) ? BigInt(`0x${text}`) : 0n;
}

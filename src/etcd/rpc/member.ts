/**
 * The interfaces that services need of the member behind them. Each service names its own; a running member implements
 * all of them.
 */
import type { ResponseHeader } from '../../gen/etcd/rpc.js';
import type { EntryAuth, EntryKind } from '../apply/entry.js';

/** Makes requests of a member. */
export interface Requester {
  /** Tells whether all members know the kind. */
  mayPropose(kind: EntryKind): boolean;
  /**
   * Puts a request into the log and waits until it is applied here.
   * @throws EtcdError; the timeouts and `stopped` leave open what has happened
   */
  propose(
    kind: EntryKind,
    payload: Uint8Array,
    request: unknown,
    auth?: EntryAuth,
  ): Promise<unknown>;
  /** Runs `read` once this member has applied all that was committed at the time of the call. @throws EtcdError */
  linearizable<T>(read: () => T): Promise<T>;
}

/** A member that takes requests and answers them. */
export interface RequestMember {
  readonly requests: Requester;
  /** The header of an answer. @param revision of the store; the present one where none is given */
  header(revision?: number): ResponseHeader;
}

import { assert, assertNever } from '../../lib/assert.js';
import type { ConfState } from '../../raft/index.js';
import type { Backend } from '../backend/types.js';
import { etcdError } from '../apply/errors.js';
import { idText } from './ids.js';

/** A member as the cluster knows it. */
export interface MemberInfo {
  readonly id: bigint;
  /** Empty until the member has started once. */
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly isLearner: boolean;
}

/** A change to the members, as it stands in the log. */
export type MemberChangeKind = 'add' | 'addLearner' | 'promote' | 'remove' | 'update';

interface StoredMember {
  readonly id: string;
  readonly name?: string;
  readonly peerURLs: readonly string[];
  readonly clientURLs?: readonly string[];
  readonly isLearner?: boolean;
}

/**
 * The members of the cluster: kept in memory, stored in the backend with the applied index. Only apply changes them, in
 * log order; all others read.
 */
export class Membership {
  readonly clusterId: bigint;
  readonly localId: bigint;
  #backend: Backend;
  #members = new Map<bigint, MemberInfo>();
  #removed = new Set<bigint>();

  constructor(options: {
    readonly clusterId: bigint;
    readonly localId: bigint;
    readonly backend: Backend;
  }) {
    this.clusterId = options.clusterId;
    this.localId = options.localId;
    this.#backend = options.backend;
    this.restore(options.backend);
  }

  /** Reads the members of another backend content. */
  restore(backend: Backend): void {
    this.#backend = backend;
    this.#members = new Map();
    for (const [, value] of backend.entries('members')) {
      const stored = JSON.parse(value.toString()) as StoredMember;
      const id = BigInt(`0x${stored.id}`);
      this.#members.set(id, {
        id,
        name: stored.name ?? '',
        peerUrls: stored.peerURLs,
        clientUrls: stored.clientURLs ?? [],
        isLearner: stored.isLearner ?? false,
      });
    }
    this.#removed = new Set(backend.entries('membersRemoved').map(([key]) => BigInt(`0x${key}`)));
  }

  /** Sorted by id, as etcd lists them. */
  get members(): MemberInfo[] {
    return [...this.#members.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  get voters(): MemberInfo[] {
    return this.members.filter((member) => !member.isLearner);
  }

  get learners(): MemberInfo[] {
    return this.members.filter((member) => member.isLearner);
  }

  get local(): MemberInfo | undefined {
    return this.#members.get(this.localId);
  }

  get(id: bigint): MemberInfo | undefined {
    return this.#members.get(id);
  }

  /** Members that have been removed. */
  get removedIds(): bigint[] {
    return [...this.#removed];
  }

  isRemoved(id: bigint): boolean {
    return this.#removed.has(id);
  }

  /**
   * Checks that a change is possible now; called before it is proposed and again when it is applied.
   * @param maxLearners how many learners there may be when one is added; 0 for any number
   * @throws memberExist, peerUrlExist, memberNotFound, memberNotLearner, tooManyLearners
   */
  check(
    kind: MemberChangeKind,
    member: Pick<MemberInfo, 'id' | 'peerUrls'>,
    maxLearners = 0,
  ): void {
    const known = this.#members.get(member.id);
    if (this.#removed.has(member.id)) throw etcdError('memberNotFound');
    switch (kind) {
      case 'add':
      case 'addLearner': {
        if (known !== undefined) throw etcdError('memberExist');
        this.#checkUrls(member);
        if (kind === 'addLearner' && maxLearners > 0 && this.learners.length >= maxLearners) {
          throw etcdError('tooManyLearners');
        }
        return;
      }
      case 'promote':
        if (known === undefined) throw etcdError('memberNotFound');
        if (!known.isLearner) throw etcdError('memberNotLearner');
        return;
      case 'remove':
        if (known === undefined) throw etcdError('memberNotFound');
        return;
      case 'update':
        if (known === undefined) throw etcdError('memberNotFound');
        this.#checkUrls(member);
    }
  }

  #checkUrls(member: Pick<MemberInfo, 'id' | 'peerUrls'>): void {
    for (const other of this.#members.values()) {
      if (other.id === member.id) continue;
      if (other.peerUrls.some((url) => member.peerUrls.includes(url))) {
        throw etcdError('peerUrlExist');
      }
    }
  }

  /** Carries out a checked change. @returns the member as it is (was) now */
  apply(kind: MemberChangeKind, member: MemberInfo): MemberInfo {
    const known = this.#members.get(member.id);
    switch (kind) {
      case 'add':
      case 'addLearner':
        return this.#save({ ...member, isLearner: kind === 'addLearner' });
      case 'promote':
        assert(known !== undefined, 'the promoted member exists');
        return this.#save({ ...known, isLearner: false });
      case 'update':
        assert(known !== undefined, 'the updated member exists');
        return this.#save({ ...known, peerUrls: member.peerUrls });
      case 'remove': {
        this.#members.delete(member.id);
        this.#removed.add(member.id);
        const key = idText(member.id);
        this.#backend.delete('members', key);
        this.#backend.put('membersRemoved', key, Buffer.from('removed'));
        return known ?? member;
      }
      default:
        return assertNever(kind, 'member change');
    }
  }

  /** A member has told its name and client addresses. Unknown members are ignored. */
  setAttributes(id: bigint, name: string, clientUrls: readonly string[]): void {
    const known = this.#members.get(id);
    if (known !== undefined) this.#save({ ...known, name, clientUrls });
  }

  #save(member: MemberInfo): MemberInfo {
    this.#members.set(member.id, member);
    const stored: StoredMember = {
      id: idText(member.id),
      name: member.name,
      peerURLs: member.peerUrls,
      clientURLs: member.clientUrls,
      isLearner: member.isLearner,
    };
    this.#backend.put('members', stored.id, Buffer.from(JSON.stringify(stored)));
    return member;
  }
}

interface StoredConfState {
  readonly voters: readonly string[];
  readonly learners: readonly string[];
  readonly votersOutgoing: readonly string[];
  readonly learnersNext: readonly string[];
  readonly autoLeave: boolean;
}

/** Raft's membership as bytes for the backend and the WAL: JSON, because it is written once a change. */
export function encodeConfState(state: ConfState): Buffer {
  const stored: StoredConfState = {
    voters: state.voters.map(idText),
    learners: state.learners.map(idText),
    votersOutgoing: state.votersOutgoing.map(idText),
    learnersNext: state.learnersNext.map(idText),
    autoLeave: state.autoLeave,
  };
  return Buffer.from(JSON.stringify(stored));
}

/** Decodes what {@link encodeConfState} wrote. */
export function decodeConfState(bytes: Uint8Array): ConfState {
  const stored = JSON.parse(Buffer.from(bytes).toString()) as StoredConfState;
  const ids = (list: readonly string[]): bigint[] => list.map((id) => BigInt(`0x${id}`));
  return {
    voters: ids(stored.voters),
    learners: ids(stored.learners),
    votersOutgoing: ids(stored.votersOutgoing),
    learnersNext: ids(stored.learnersNext),
    autoLeave: stored.autoLeave,
  };
}

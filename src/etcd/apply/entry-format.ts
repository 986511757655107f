/**
 * The gate of every kind of log entry. A build knows the kinds up to its log version. The members agree, through the
 * log, on the lowest version among them (etcd: the cluster version), and a kind is proposed only where the agreed
 * version allows it. So no member meets an entry that it does not know, also in a rolling upgrade; one that does all
 * the same stops instead of holding other data than the others.
 */
import { assert } from '../../lib/assert.js';
import { decodeEntry, entryKinds, kindNumberOf } from './entry.js';
import type { DecodedEntry, EntryKind } from './entry.js';

/** From which log version on a kind may stand in the log. A later kind never has a lower version. */
export const kindSince: Readonly<Record<EntryKind, number>> = {
  none: 1,
  put: 1,
  deleteRange: 1,
  txn: 1,
  compaction: 1,
  leaseGrant: 1,
  leaseRevoke: 1,
  leaseCheckpoint: 1,
  alarm: 1,
  authEnable: 1,
  authDisable: 1,
  authUserAdd: 1,
  authUserDelete: 1,
  authUserChangePassword: 1,
  authUserGrantRole: 1,
  authUserRevokeRole: 1,
  authRoleAdd: 1,
  authRoleDelete: 1,
  authRoleGrantPermission: 1,
  authRoleRevokePermission: 1,
  memberAttributes: 1,
  authenticate: 1,
  downgradeInfo: 1,
  logVersion: 2,
  checkedTxn: 3,
  exactTxn: 4,
};

/** The log version of a cluster that has not agreed on one: what builds without gates write. */
export const firstLogVersion = 1;

/** The newest log version that this build knows. */
export const newestLogVersion = Math.max(...Object.values(kindSince));

/** An entry is of a kind that this build does not know: the member must stop. Not retryable with this build. */
export class UnknownEntryKindError extends Error {
  override readonly name = 'UnknownEntryKindError';
  readonly code = 'UNKNOWN_ENTRY_KIND';
  readonly retryable = false;

  constructor(kindNumber: number, version: number) {
    super(
      `a log entry has kind ${kindNumber}, which this build does not know (its log version is ${version}): ` +
        'the entry was written by a newer build; start that one',
    );
  }
}

/** The kinds of log entries that a build knows. */
export class EntryFormat {
  /** The newest log version that the build knows. */
  readonly version: number;
  readonly #since: Readonly<Record<EntryKind, number>>;
  /** Kinds with a lower number are known. */
  readonly #knownKinds: number;

  /** @param version of another build than this one, in tests */
  constructor(version = newestLogVersion, since = kindSince) {
    this.version = version;
    this.#since = since;
    const versions = entryKinds.map((kind) => since[kind]);
    assert(
      versions.every((one, at) => one >= (versions[at - 1] ?? firstLogVersion)),
      'the kinds are in the order of their log versions',
    );
    this.#knownKinds = versions.filter((one) => one <= version).length;
  }

  /** Tells whether a kind may be proposed. @param agreed the cluster's log version */
  allows(kind: EntryKind, agreed: number): boolean {
    return this.#since[kind] <= agreed;
  }

  /** @throws UnknownEntryKindError */
  decode(bytes: Uint8Array): DecodedEntry {
    const kindNumber = kindNumberOf(bytes);
    if (kindNumber >= this.#knownKinds) throw new UnknownEntryKindError(kindNumber, this.version);
    return decodeEntry(bytes);
  }
}

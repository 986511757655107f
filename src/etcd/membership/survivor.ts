/**
 * The log of a survivor: a member whose cluster lost its quorum for good, and that goes on alone. The others are taken
 * out by entries of the log, as etcd's `--force-new-cluster` does it (`createConfigChangeEnts` in
 * `server/etcdserver/raft.go`): the database may be behind by seconds, and by more after a power cut, and comes to the
 * same end from wherever it begins.
 */
import type { Entry } from '../../raft/index.js';
import { decodeChange, encodeChange } from './change-entry.js';
import type { LoggedChange } from './change-entry.js';
import type { MemberInfo } from './membership.js';

type Change = Pick<LoggedChange, 'kind' | 'member'>;

/**
 * Computes the entries to write with which the survivor is the only member, and a voter. With them the whole log counts
 * as committed. What stands in the log as it is to be is not among them: an entry that is written ends the log there,
 * and a crash before all that follows is written as well would lose what had been.
 * @param log `unapplied` is all that stands in the log behind what the database holds; new entries get `term`
 * @param known the members that the database names
 * @param self the survivor, as it is to be added should nothing name it; with its present addresses
 */
export function survivorEntries(
  log: { readonly unapplied: readonly Entry[]; readonly applied: number; readonly term: number },
  known: readonly MemberInfo[],
  self: MemberInfo,
): Entry[] {
  const kept = log.unapplied.map((entry) => (removes(entry, self.id) ? emptied(entry) : entry));
  let index = kept.at(-1)?.index ?? log.applied;
  const added = changesToBeAlone(kept, known, self).map((change): Entry => {
    index += 1;
    return { term: log.term, index, type: 'confChange', data: encodeChange(change) };
  });
  const emptiedAt = kept.findIndex((entry, at) => entry !== log.unapplied[at]);
  return emptiedAt < 0 ? added : [...kept.slice(emptiedAt), ...added];
}

/** First itself, then without the others: there is no moment without a voter. */
function changesToBeAlone(
  entries: readonly Entry[],
  known: readonly MemberInfo[],
  self: MemberInfo,
): Change[] {
  const named = new Map(known.map((member) => [member.id, member]));
  for (const entry of entries) {
    const change = changeIn(entry);
    if (change?.kind !== 'add' && change?.kind !== 'addLearner') continue;
    const { kind, member } = change;
    named.set(member.id, { ...member, isLearner: kind === 'addLearner' });
  }
  const changes: Change[] = [];
  const found = named.get(self.id);
  if (found === undefined) changes.push({ kind: 'add', member: self });
  // A learner that has become a voter meanwhile is promoted in vain: such a change is refused as it is applied.
  if (found?.isLearner === true) changes.push({ kind: 'promote', member: found });
  const others = [...named.values()].filter(({ id }) => id !== self.id);
  others.sort((a, b) => (a.id < b.id ? -1 : 1));
  return [...changes, ...others.map((member): Change => ({ kind: 'remove', member }))];
}

function removes(entry: Entry, id: bigint): boolean {
  const change = changeIn(entry);
  return change?.kind === 'remove' && change.member.id === id;
}

function changeIn(entry: Entry): LoggedChange | undefined {
  return entry.type === 'normal' ? undefined : decodeChange(entry).change;
}

function emptied(entry: Entry): Entry {
  return { ...entry, type: 'normal', data: new Uint8Array(0) };
}

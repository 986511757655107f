/** Changes of the store's membership that an operator asks for, by the names of masters. */
import { errorMessage } from '../../lib/errors.js';
import { Code, GrpcError } from '../../lib/grpc/index.js';
import type { StoreAdmin, StoreMember } from './store-admin.js';

const memberDeadlineMs = 2000;

/**
 * Hands leadership over to a master, and waits until it leads.
 * @returns the names of those that led and lead: one name where nothing was to be done
 * @throws GrpcError NOT_FOUND, FAILED_PRECONDITION for one that cannot lead, UNAVAILABLE when nobody leads
 */
export async function transferLeader(
  store: StoreAdmin,
  to: string,
): Promise<{ from: string; to: string }> {
  const members = await store.memberList();
  const target = memberOf(members, to);
  if (target.learner) {
    throw new GrpcError(Code.FailedPrecondition, `${to} does not vote yet: it is still joining`);
  }
  await leaderSeenBy(store, target).catch((error: unknown) => {
    throw new GrpcError(
      Code.FailedPrecondition,
      `${to} cannot lead, it does not answer: ${errorMessage(error)}`,
    );
  });
  const leader = await leaderOf(store, members);
  if (leader === undefined) throw new GrpcError(Code.Unavailable, 'no master leads at this moment');
  if (leader.id !== target.id) await store.moveLeader(leader.clientUrls[0] ?? '', target.id);
  return { from: leader.name, to: target.name };
}

/** @throws GrpcError NOT_FOUND, FAILED_PRECONDITION for the only one that votes; else what the store says */
export async function removeMember(
  store: StoreAdmin,
  name: string,
): Promise<{ name: string; id: bigint }> {
  const members = await store.memberList();
  const target = memberOf(members, name);
  const others = members.filter(({ id, learner }) => id !== target.id && !learner);
  if (others.length === 0) {
    throw new GrpcError(Code.FailedPrecondition, `${name} is the only master that votes`);
  }
  await store.memberRemove(target.id);
  return { name: target.name, id: target.id };
}

/** @throws GrpcError NOT_FOUND, FAILED_PRECONDITION for one that votes already; else what the store says */
export async function promoteMember(
  store: StoreAdmin,
  name: string,
): Promise<{ name: string; id: bigint }> {
  const target = memberOf(await store.memberList(), name);
  if (!target.learner) throw new GrpcError(Code.FailedPrecondition, `${name} votes already`);
  await store.memberPromote(target.id);
  return { name: target.name, id: target.id };
}

/** The member with a name, or with an id in hexadecimal, as etcdctl prints it. */
function memberOf(members: readonly StoreMember[], word: string): StoreMember {
  const found =
    members.find(({ name }) => name === word && name !== '') ??
    members.find(({ id }) => id.toString(16) === word.toLowerCase());
  if (found !== undefined) return found;
  const names = members.map(({ name, id }) => name || id.toString(16)).toSorted();
  throw new GrpcError(Code.NotFound, `there is no master "${word}": there are ${names.join(', ')}`);
}

async function leaderSeenBy(store: StoreAdmin, member: StoreMember): Promise<bigint> {
  return (await store.status(member.clientUrls[0] ?? '', memberDeadlineMs)).leader;
}

/** The member that says itself that it leads. */
async function leaderOf(
  store: StoreAdmin,
  members: readonly StoreMember[],
): Promise<StoreMember | undefined> {
  const seen = await Promise.all(
    members.map((member) => leaderSeenBy(store, member).catch(() => undefined)),
  );
  return members.find(({ id }, at) => seen[at] === id);
}

import { Code, GrpcError, isGrpcError } from '../../lib/grpc/index.js';
import type { StoreAdmin } from './store-admin.js';

/**
 * Adds the joining master's store member as a learner, once: who asks again after a broken answer gets the same member.
 * @returns `--initial-cluster` for it, and where the other members are asked
 */
export async function addStoreMember(
  store: StoreAdmin,
  request: { readonly name: string; readonly peerUrl: string },
): Promise<{ initialCluster: string; storeEndpoints: string[] }> {
  const before = await store.memberList();
  const stale = before.find(
    (member) => member.name === request.name && !member.peerUrls.includes(request.peerUrl),
  );
  if (stale !== undefined) {
    throw new GrpcError(
      Code.AlreadyExists,
      `a master named "${request.name}" is a member of the store already, at ${stale.peerUrls.join(',')}; remove it first`,
    );
  }
  const known = before.find((member) => member.peerUrls.includes(request.peerUrl));
  if (known !== undefined && known.name !== '') {
    // It has started once: a master that lost its disk comes back as a new member.
    await store.memberRemove(known.id);
  }
  if (known === undefined || known.name !== '') await addLearner(store, request.peerUrl);
  const members = await store.memberList();
  const initialCluster = members
    .flatMap((member) =>
      member.peerUrls.map(
        (url) => `${url === request.peerUrl ? request.name : member.name}=${url}`,
      ),
    )
    .filter((part) => !part.startsWith('='))
    .join(',');
  return { initialCluster, storeEndpoints: members.flatMap((member) => member.clientUrls) };
}

/** The store takes one new member at a time, and none while it is not whole: the joining master asks again. */
async function addLearner(store: StoreAdmin, peerUrl: string): Promise<void> {
  try {
    await store.memberAddAsLearner(peerUrl);
  } catch (error) {
    if (
      isGrpcError(error) &&
      /too many learner|unhealthy cluster|not enough started/.test(error.message)
    ) {
      throw new GrpcError(Code.Unavailable, `another master is joining: ${error.message}`);
    }
    throw error;
  }
}

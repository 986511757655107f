/** Takes over what an earlier agent left of pods that are still wanted, and removes what it left of others. */
import type { ContainerState, SandboxState } from '../../runtime/types.js';
import type { Adopted } from '../run/adoption.js';
import type { NodeContext } from '../run/node-context.js';
import { handleOf, podRefOf } from '../run/sandbox.js';

/** Containers of a pod that was deleted meanwhile get this long to end. */
const orphanGraceMs = 2000;

/**
 * Reads what runs, and takes down the sandboxes of pods that are not wanted any more, and all but the youngest of
 * those that are.
 * @returns what is left, by the pod's uid
 */
export async function recoverPods(
  node: NodeContext,
  wanted: ReadonlySet<string>,
): Promise<Map<string, Adopted>> {
  const { sandboxes, containers } = await node.runtime.list();
  const kept = new Map<string, SandboxState>();
  const orphans: SandboxState[] = [];
  for (const sandbox of sandboxes.toSorted((a, b) => b.createdAtMs - a.createdAtMs)) {
    const { uid } = sandbox.pod;
    if (wanted.has(uid) && !kept.has(uid)) kept.set(uid, sandbox);
    else orphans.push(sandbox);
  }
  const addresses = await node.network.recover([...kept.values()].flatMap(podRefOf));
  const adopted = new Map<string, Adopted>();
  for (const [uid, sandbox] of kept) {
    const ips = podRefOf(sandbox).length === 0 ? node.hostIps : addresses.get(uid);
    if (ips === undefined || !(await mayBeWhole(node, sandbox))) {
      // After a power cycle little more than its record is left: the pod gets a new one.
      orphans.push(sandbox);
      continue;
    }
    const own = containers.filter(({ sandboxId }) => sandboxId === sandbox.id);
    adopted.set(uid, { handle: handleOf(sandbox), ips, containers: own });
  }
  await Promise.all(
    orphans.map(async (sandbox) => {
      const own = containers.filter(({ sandboxId }) => sandboxId === sandbox.id);
      try {
        await Promise.all(
          own
            .filter(({ phase }) => phase === 'running')
            .map(({ id }) => node.runtime.stopContainer(id, { graceMs: orphanGraceMs })),
        );
        for (const ref of podRefOf(sandbox)) {
          if (!adopted.has(ref.podUid)) await node.network.tearDown(ref);
        }
        await node.runtime.removeSandbox(sandbox.id);
      } catch (error) {
        node.log.warn({ error, sandbox: sandbox.id }, 'an orphaned sandbox could not be removed');
      }
    }),
  );
  await removeHomeless(node, sandboxes, containers);
  return adopted;
}

/** A runtime that cannot tell now is asked again when a container fails. */
async function mayBeWhole(node: NodeContext, sandbox: SandboxState): Promise<boolean> {
  try {
    return (await node.runtime.isSandboxWhole?.(sandbox.id)) ?? true;
  } catch (error) {
    node.log.warn({ error, sandbox: sandbox.id }, 'a sandbox could not be looked at');
    return true;
  }
}

/**
 * Containers whose sandbox is gone are nobody's: an agent died between the two, or the sandbox's record could not be
 * read.
 */
async function removeHomeless(
  node: NodeContext,
  sandboxes: readonly SandboxState[],
  containers: readonly ContainerState[],
): Promise<void> {
  const there = new Set(sandboxes.map(({ id }) => id));
  for (const { id, sandboxId } of containers) {
    if (there.has(sandboxId)) continue;
    try {
      await node.runtime.stopContainer(id, { graceMs: orphanGraceMs });
      await node.runtime.removeContainer(id);
    } catch (error) {
      node.log.warn({ error, container: id }, 'a container without a sandbox stays for now');
    }
  }
}

/** Removes the directories of pods that this node no longer has. */
export async function removeOrphans(
  node: NodeContext,
  isKnown: (uid: string) => boolean,
): Promise<void> {
  for (const uid of new Set([
    ...(await node.files.uids()),
    ...(await node.volumes.podUidsInMemory()),
  ])) {
    if (isKnown(uid)) continue;
    try {
      await node.volumes.tearDown(uid);
      await node.files.remove(uid);
    } catch (error) {
      node.log.warn({ error, uid }, 'the files of a former pod could not be removed');
    }
  }
}

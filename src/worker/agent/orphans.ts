/**
 * Finds sandboxes and containers of the runtime that no pod of this node needs: left by steps that failed half-way, or
 * by an agent that died in one.
 */
import type { ContainerState, SandboxState } from '../../runtime/types.js';
import type { NodeContext } from '../run/node-context.js';
import { podRefOf } from '../run/sandbox.js';

/** Anything younger may still become part of its pod. A sandbox is made in seconds, or fails. */
export const orphanAgeMsMin = 120_000;
/** Most of each kind that one round removes; the next round comes in a minute. */
export const orphansPerRound = 32;

/** The sandboxes and containers that no pod wants. */
export interface Orphans {
  readonly sandboxes: readonly SandboxState[];
  readonly containers: readonly ContainerState[];
}

/**
 * Finds sandboxes of unknown pods, or of pods that have another by now, and containers whose sandbox is gone.
 * @param sandboxOf the sandbox of each pod that is known; undefined while it has none
 */
export function findOrphans(
  held: Orphans,
  sandboxOf: ReadonlyMap<string, string | undefined>,
  nowMs: number,
): Orphans {
  const isOld = ({ createdAtMs }: { readonly createdAtMs: number }): boolean =>
    nowMs - createdAtMs >= orphanAgeMsMin;
  const sandboxes = held.sandboxes.filter((sandbox) => {
    if (!isOld(sandbox)) return false;
    const { uid } = sandbox.pod;
    if (!sandboxOf.has(uid)) return true;
    const current = sandboxOf.get(uid);
    return current !== undefined && current !== sandbox.id;
  });
  const there = new Set(held.sandboxes.map(({ id }) => id));
  const containers = held.containers.filter(
    (container) => isOld(container) && !there.has(container.sandboxId),
  );
  return {
    sandboxes: sandboxes.slice(0, orphansPerRound),
    containers: containers.slice(0, orphansPerRound),
  };
}

/** Removes them, each whatever becomes of the others; what cannot be removed is tried again in the next round. */
export async function removeOrphanedObjects(
  node: NodeContext,
  orphans: Orphans,
  isKnown: (podUid: string) => boolean,
): Promise<void> {
  const { runtime, network, log } = node;
  const tryTo = async (fields: object, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
      log.info(fields, 'what no pod needs was removed');
    } catch (error) {
      log.warn({ error, ...fields }, 'what no pod needs could not be removed');
    }
  };
  for (const { id, name, pod } of orphans.containers) {
    await tryTo({ container: id, name, pod: pod.uid }, () => runtime.removeContainer(id));
  }
  for (const sandbox of orphans.sandboxes) {
    const { id, pod } = sandbox;
    await tryTo({ sandbox: id, pod: pod.uid }, async () => {
      // A pod that lives has its network by its uid: only one that is not known loses it.
      for (const ref of isKnown(pod.uid) ? [] : podRefOf(sandbox)) await network.tearDown(ref);
      await runtime.removeSandbox(id);
    });
  }
}

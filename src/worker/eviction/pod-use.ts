/** The pods of a node as candidates for an eviction: what each uses of what is short. */
import { assertNever } from '../../lib/assert.js';
import type { ContainerStats } from '../../runtime/types.js';
import { isEnding } from '../pod/state.js';
import type { NodeContext } from '../run/node-context.js';
import { keyOf } from '../run/node-context.js';
import type { Evictable } from '../run/storage-check.js';
import { evict, measureStorage } from '../run/storage-check.js';
import type { Candidate, Starved } from './eviction-manager.js';
import type { PodUse } from './rank.js';

/** Those that may be evicted. The runtime is asked once for all of them. */
export function candidatesOf(node: NodeContext, workers: readonly Evictable[]): Candidate[] {
  let asked: Promise<ReadonlyMap<string, ContainerStats>> | undefined;
  const stats = (): Promise<ReadonlyMap<string, ContainerStats>> => {
    asked ??= node.runtime.stats().then((all) => new Map(all.map((one) => [one.id, one])));
    return asked;
  };
  const active = workers.filter(({ state }) => !state.finished && state.failure === undefined);
  return active.map((worker) => ({
    pod: worker.state.pod,
    use: (starved) => useOf(node, worker, starved, stats),
    evict: (failure) => evict(node, worker, failure),
    isOver: () => {
      const { sandbox, volumes } = worker.state;
      return isEnding(worker.state) && sandbox.phase === 'none' && volumes.phase === 'none';
    },
  }));
}

async function useOf(
  node: NodeContext,
  worker: Evictable,
  { resource }: Starved,
  stats: () => Promise<ReadonlyMap<string, ContainerStats>>,
): Promise<PodUse> {
  const { pod } = worker.state;
  try {
    switch (resource) {
      case 'ephemeral-storage':
      case 'inodes': {
        const unit = resource === 'inodes' ? 'inodes' : 'bytes';
        const { volumes, containers, isWhole } = await measureStorage(node, worker, unit);
        const shown = resource === 'inodes' ? new Map<string, number>() : containers;
        // A pod does not go last because nobody can measure it.
        const total = isWhole ? sum([...volumes.values(), ...containers.values()]) : undefined;
        return { pod, total, containers: shown };
      }
      case 'memory':
      case 'pids': {
        const all = await stats();
        const containers = new Map<string, number>();
        for (const { name, current } of worker.state.trackedContainers.values()) {
          const one = all.get(current?.id ?? '');
          if (one === undefined) continue;
          containers.set(name, resource === 'memory' ? one.memoryWorkingSetBytes : one.pids);
        }
        const total = containers.size === 0 ? undefined : sum([...containers.values()]);
        return { pod, total, containers: resource === 'memory' ? containers : new Map() };
      }
      default:
        return assertNever(resource, 'resource');
    }
  } catch (error) {
    node.log.warn({ error, ...keyOf(pod) }, 'what a pod uses is not known');
    return { pod, total: undefined, containers: new Map() };
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}

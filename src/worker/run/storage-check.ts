/** Looks at what a pod has written, and evicts it when that is more than it may. */
import { dirname } from 'node:path';
import * as record from '../pod/record.js';
import type { PodState } from '../pod/state.js';
import { isEnding } from '../pod/state.js';
import { emptyDirsOnDisk, hasStorageLimits, storageExcess } from '../pod/storage.js';
import type { NodeContext } from './node-context.js';
import { keyOf } from './node-context.js';
import { podEvent } from './pod-events.js';

/** An evicted pod gets no more time than this to end. @see kubelet immediateEvictionGracePeriodSeconds */
const evictionGraceSeconds = 1;

/** A tree that cannot be measured counts as empty. @returns true when the pod has been evicted */
export async function checkStorage(
  node: NodeContext,
  state: PodState,
  volumePaths: ReadonlyMap<string, string>,
): Promise<boolean> {
  const { pod } = state;
  if (state.finished || isEnding(state) || !hasStorageLimits(pod)) return false;
  const measure = async (path: string): Promise<number> => {
    try {
      return await node.measureDisk(path);
    } catch (error) {
      node.log.warn({ error, ...keyOf(pod) }, 'what a pod has written could not be measured');
      return 0;
    }
  };
  const told = async (id: string): Promise<number> => {
    try {
      return (await node.runtime.writtenBytes?.(id)) ?? 0;
    } catch (error) {
      node.log.warn({ error, ...keyOf(pod) }, 'the runtime does not tell what a pod has written');
      return 0;
    }
  };
  const volumes = new Map<string, number>();
  for (const { name } of emptyDirsOnDisk(pod)) {
    const path = volumePaths.get(name);
    if (path !== undefined) volumes.set(name, await measure(path));
  }
  const containers = new Map<string, number>();
  for (const { name, current } of state.trackedContainers.values()) {
    if (current === undefined) continue;
    const layer = node.runtime.writableLayer(current.id);
    const own = layer === undefined ? await told(current.id) : await measure(layer);
    const logs = await measure(dirname(node.files.logPath(keyOf(pod).uid, name, 0)));
    containers.set(name, own + logs);
  }
  const message = storageExcess(state.pod, { volumes, containers });
  if (message === undefined || isEnding(state) || state.finished) return false;
  podEvent(node.events, state.pod, 'Warning', 'Evicted', message);
  const failure = { reason: 'Evicted', message, graceSeconds: evictionGraceSeconds };
  record.recordFailure(state, failure, node.clock.nowMs());
  return true;
}

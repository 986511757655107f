/** Looks at what a pod has written, and evicts it when that is more than it may. */
import { dirname } from 'node:path';
import type { PodFailure, PodState } from '../pod/state.js';
import { isEnding } from '../pod/state.js';
import type { StorageUse } from '../pod/storage.js';
import { emptyDirsOnDisk, hasStorageLimits, storageExcess } from '../pod/storage.js';
import type { NodeContext } from './node-context.js';
import { keyOf } from './node-context.js';
import { podEvent } from './pod-events.js';

/** An evicted pod gets no more time than this to end. @see kubelet immediateEvictionGracePeriodSeconds */
const evictionGraceSeconds = 1;

/** One pod, what the disk holds of it, and how it is ended. */
export interface Evictable {
  readonly state: Readonly<PodState>;
  /** Of its volumes, by name. */
  readonly volumePaths: () => ReadonlyMap<string, string>;
  evict(failure: PodFailure): void;
}

/** Fails the pod, and says so in an Event. */
export function evict(node: NodeContext, worker: Evictable, failure: PodFailure): void {
  podEvent(node.events, worker.state.pod, 'Warning', failure.reason, failure.message);
  worker.evict(failure);
}

/** Evicts a pod that has written more than it may. */
export async function checkStorage(node: NodeContext, worker: Evictable): Promise<void> {
  const { state } = worker;
  const isOver = (): boolean => state.finished || isEnding(state);
  if (isOver() || !hasStorageLimits(state.pod)) return;
  const message = storageExcess(state.pod, await measureStorage(node, worker, 'bytes'));
  if (message === undefined || isOver()) return;
  evict(node, worker, { reason: 'Evicted', message, graceSeconds: evictionGraceSeconds });
}

/** What was found of a pod. */
interface MeasuredStorage extends StorageUse {
  /** Whether all could be measured; what could not counts as empty. */
  readonly isWhole: boolean;
}

/** Measures what a pod has written. A tree that cannot be measured counts as empty. */
export async function measureStorage(
  node: NodeContext,
  { state, volumePaths }: Evictable,
  unit: 'bytes' | 'inodes',
): Promise<MeasuredStorage> {
  const { pod } = state;
  let isWhole = true;
  const measure = async (path: string): Promise<number> => {
    try {
      return await node.measureDisk(path, unit);
    } catch (error) {
      node.log.warn({ error, ...keyOf(pod) }, 'what a pod has written could not be measured');
      isWhole = false;
      return 0;
    }
  };
  const told = async (id: string): Promise<number> => {
    try {
      return (unit === 'bytes' ? await node.runtime.writtenBytes?.(id) : undefined) ?? 0;
    } catch (error) {
      node.log.warn({ error, ...keyOf(pod) }, 'the runtime does not tell what a pod has written');
      isWhole = false;
      return 0;
    }
  };
  const volumes = new Map<string, number>();
  for (const { name } of emptyDirsOnDisk(pod)) {
    const path = volumePaths().get(name);
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
  return { volumes, containers, isWhole };
}

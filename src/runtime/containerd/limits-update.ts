/** Changes the limits of a container that runs, and keeps them in its record. */
import type { ContainerRecord } from '../container-record.js';
import type { StateStore } from '../state-store.js';
import type { ContainerUpdate, LinuxResources } from '../types.js';
import { RuntimeError } from '../types.js';
import type { LimitTasks } from './exec/tasks.js';
import type { OciSpec } from './oci.js';

/** @throws RuntimeError NotFound, NotRunning, and what containerd answers, such as a limit below what is in use */
export async function updateContainer(
  { tasks, store }: { readonly tasks: LimitTasks; readonly store: StateStore<ContainerRecord> },
  id: string,
  { resources, annotations }: ContainerUpdate,
): Promise<void> {
  const record = store.get(id);
  if (record === undefined) throw new RuntimeError('NotFound', `container ${id} does not exist`);
  if (record.startedAtMs === undefined || record.finishedAtMs !== undefined) {
    throw new RuntimeError('NotRunning', `container ${id} does not run`);
  }
  await tasks.update(id, updatedLimits(resources));
  // It may have ended meanwhile, or been removed: then it has no record.
  const present = store.get(id);
  if (present === undefined) throw new RuntimeError('NotFound', `container ${id} does not exist`);
  const { config, ...rest } = present;
  const kept = { ...config, resources, annotations: { ...config.annotations, ...annotations } };
  await store.set(id, { ...rest, config: kept });
}

/** The limits as the OCI runtime takes them. To a running container an absent limit has to be said: it is -1. */
export function updatedLimits(resources: LinuxResources): Partial<OciSpec['linux']['resources']> {
  const { cpuShares, cpuQuotaMicros = -1, cpuPeriodMicros, memoryLimitBytes = -1 } = resources;
  return {
    cpu: {
      ...(cpuShares === undefined ? {} : { shares: cpuShares }),
      quota: cpuQuotaMicros,
      ...(cpuPeriodMicros === undefined ? {} : { period: cpuPeriodMicros }),
    },
    memory: { limit: memoryLimitBytes, swap: memoryLimitBytes },
  };
}

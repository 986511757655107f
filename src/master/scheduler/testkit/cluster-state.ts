/** The cluster of a script, and the parts of the scheduler that work on it. */
import { objectKey } from '../../../api/facts/keys.js';
import type { KubeObject } from '../../../api/object.js';
import type {
  Namespace,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
} from '../../../api/types/core.js';
import type { PodDisruptionBudget, StorageClass } from '../../../api/types/policy.js';
import type { ObjectKey } from '../../../client/types.js';
import { ManualClock } from '../../../lib/clock.js';
import { Prng } from '../../../lib/prng.js';
import { SchedulerCache } from '../cache.js';
import { Nominations } from '../nominations.js';
import { Placer } from '../place.js';
import { SchedulingQueue } from '../queue.js';

/** Objects by name, as an informer has them. */
class Objects<T extends KubeObject> {
  readonly #byKey = new Map<string, T>();

  put(object: T): void {
    this.#byKey.set(keyOf(object.metadata), object);
  }

  get(key: ObjectKey): T | undefined {
    return this.#byKey.get(keyOf(key));
  }

  list(): T[] {
    return [...this.#byKey.values()];
  }
}

function keyOf({ namespace = '', name }: ObjectKey): string {
  return objectKey({ namespace, name });
}

export class ClusterState {
  readonly namespaces = new Objects<Namespace>();
  readonly claims = new Objects<PersistentVolumeClaim>();
  readonly volumes = new Objects<PersistentVolume>();
  readonly storageClasses = new Objects<StorageClass>();
  readonly budgets = new Objects<PodDisruptionBudget>();
  /** Pods that a script has spoken of, placed or not. */
  readonly pods = new Map<string, Pod>();
  readonly cache = new SchedulerCache(this);
  readonly nominations = new Nominations();
  readonly placer = new Placer(new Prng(1));
  readonly clock = new ManualClock();
  readonly queue = new SchedulingQueue(this.clock, () => undefined);
}

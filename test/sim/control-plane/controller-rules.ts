/** Never more than wanted, by each controller's own rules. */
import type { Checker } from './checker.js';
import type { Item } from './model.js';
import { controllerUid, count, isActive, nameOf } from './model.js';
import type { Life } from './process.js';
import { placeOf } from './room.js';
import type { ControlPlaneWorld } from './world.js';

/** The maker of a pod, and whether the creation was acknowledged to it. */
interface Making {
  readonly life: Life;
  acknowledged: boolean;
}

/** A reconcile that began so long ago may still act on what it had read then. */
const reconcileUs = 10_000_000;

/** The resources at which the controllers of these kinds are watched. */
const watched: Readonly<Record<string, string>> = {
  ReplicaSet: 'apps/replicasets',
  StatefulSet: 'apps/statefulsets',
  DaemonSet: 'apps/daemonsets',
  Job: 'batch/jobs',
  Deployment: 'apps/deployments',
};

/**
 * A controller answers for the pods that it knows of: those whose creation was acknowledged to it, and those that its
 * watch has told it of. A creation whose answer was lost, or that an earlier leader sent and that arrived late, is
 * nobody's fault and is taken back later (which {@link Quiescence} sees to). What is wanted may be what the object said
 * up to a reconcile's length before the controller was last told of it.
 */
export class ControllerRules {
  readonly #world: ControlPlaneWorld;
  readonly #checker: Checker;
  readonly #made = new Map<string, Making>();

  constructor(world: ControlPlaneWorld, checker: Checker) {
    this.#world = world;
    this.#checker = checker;
  }

  onWrite(old: Item | undefined, item: Item): void {
    if (item.kind === 'ReplicaSet') this.#checkSurge(old, item);
    if (item.kind === 'Job') this.#checkSuccesses(item);
  }

  created(life: Life, item: Item): void {
    if (item.kind !== 'Pod') return;
    this.#made.set(item.metadata.uid ?? '', { life, acknowledged: false });
  }

  acknowledged(life: Life, item: Item): void {
    if (item.kind !== 'Pod') return;
    const making = this.#made.get(item.metadata.uid ?? '');
    if (making !== undefined) making.acknowledged = true;
    const uid = controllerUid(item);
    if (uid === undefined) return;
    const owner = this.#checker.model.byId(uid);
    if (owner === undefined) return;
    const known = this.#checker.model.podsOf(uid).filter((pod) => this.#knows(life, pod));
    switch (owner.kind) {
      case 'ReplicaSet':
        this.#checkCount(life, owner, known.filter(isActive).length, ({ spec }) =>
          count(spec, 'replicas'),
        );
        return;
      case 'Job':
        this.#checkCount(life, owner, known.filter(isActive).length, ({ spec }) =>
          count(spec, 'parallelism'),
        );
        this.#checkOnePer(owner, known, completionIndex);
        return;
      case 'DaemonSet':
        this.#checkOnePer(owner, known, placeOf);
        return;
      default:
    }
  }

  /** Pods that the process answers for. */
  #knows(life: Life, pod: Item): boolean {
    const making = this.#made.get(pod.metadata.uid ?? '');
    if (making?.life === life) return making.acknowledged;
    const madeAt = this.#checker.model.made.get(pod.metadata.uid ?? '') ?? 0;
    return madeAt <= this.#checker.knownAt(life, '/pods', this.#world.queue.now - reconcileUs);
  }

  #wanted(life: Life, owner: Item, read: (version: Item) => number): number {
    const { uid = '' } = owner.metadata;
    const kind = owner.kind ?? '';
    const floor = this.#checker.knownAt(
      life,
      watched[kind] ?? '',
      this.#world.queue.now - reconcileUs,
    );
    const versions = this.#checker.model.versionsSince(uid, floor);
    return Math.max(read(owner), ...versions.map(({ item }) => read(item)));
  }

  #checkCount(life: Life, owner: Item, active: number, read: (version: Item) => number): void {
    const wanted = this.#wanted(life, owner, read);
    if (active <= wanted) return;
    this.#world.broken(`${nameOf(owner)} wants ${wanted} pods and has ${active}`);
  }

  /** No two active pods of one place. */
  #checkOnePer(owner: Item, pods: readonly Item[], place: (pod: Item) => string | undefined): void {
    const seen = new Map<string, Item>();
    for (const pod of pods) {
      const at = isActive(pod) ? place(pod) : undefined;
      if (at === undefined) continue;
      const other = seen.get(at);
      if (other !== undefined) {
        this.#world.broken(`${nameOf(owner)} has ${nameOf(other)} and ${nameOf(pod)} for ${at}`);
      }
      seen.set(at, pod);
    }
  }

  /** All sets of a Deployment together want no more than its replicas and the surge. */
  #checkSurge(old: Item | undefined, item: Item): void {
    if (count(item.spec, 'replicas') <= count(old?.spec, 'replicas')) return;
    const uid = controllerUid(item);
    const owner = uid === undefined ? undefined : this.#checker.model.byId(uid);
    if (uid === undefined || owner === undefined) return;
    let sum = 0;
    for (const set of this.#checker.model.of('apps/replicasets')) {
      if (controllerUid(set) === uid) sum += count(set.spec, 'replicas');
    }
    const manager = this.#world.leaders.of('kube-controller-manager');
    const most =
      manager === undefined
        ? Infinity
        : this.#wanted(manager, owner, (version) => replicasWithSurge(version));
    if (sum > most) {
      this.#world.broken(
        `${nameOf(owner)} has sets that want ${sum} pods, at most ${most} are allowed`,
      );
    }
  }

  #checkSuccesses(job: Item): void {
    const completions = job.spec?.['completions'];
    const succeeded = count(job.status, 'succeeded');
    if (typeof completions === 'number' && succeeded > completions) {
      this.#world.broken(`${nameOf(job)} counts ${succeeded} of ${completions} completions`);
    }
  }
}

/** The workload gives the surge as a number. */
function replicasWithSurge({ spec }: Item): number {
  const strategy = (spec?.['strategy'] ?? {}) as {
    readonly type?: string;
    readonly rollingUpdate?: { readonly maxSurge?: number };
  };
  const surge = strategy.type === 'Recreate' ? 0 : (strategy.rollingUpdate?.maxSurge ?? 0);
  return count(spec, 'replicas') + surge;
}

function completionIndex(pod: Item): string | undefined {
  const index = pod.metadata.annotations?.['batch.kubernetes.io/job-completion-index'];
  return index === undefined ? undefined : `index ${index}`;
}

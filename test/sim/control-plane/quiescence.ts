/** After the heal: the control plane comes to rest, and what it rests at is what was asked for. */
import type { Checker } from './checker.js';
import type { Item, Model } from './model.js';
import { controllerUid, count, isActive, nameOf } from './model.js';
import { nodeOf } from './node-rules.js';
import { hasRoom } from './room.js';
import type { ControlPlaneWorld } from './world.js';

/** No write for so long is rest. */
const restUs = 20_000_000;

/** See above. */
export class Quiescence {
  readonly #world: ControlPlaneWorld;
  readonly #checker: Checker;
  readonly #model: Model;
  #complaints: string[] = ['it has not been looked at'];
  #lookedUs = 0;

  constructor(world: ControlPlaneWorld) {
    this.#world = world;
    this.#checker = world.checker;
    this.#model = world.checker.model;
  }

  /** True once nothing has been written for a while and everything is as it should be. */
  reached(): boolean {
    const { queue, users } = this.#world;
    if (!users.done || queue.now - this.#model.changedUs < restUs) return false;
    if (queue.now - this.#lookedUs < restUs) return false;
    this.#lookedUs = queue.now;
    this.#checker.compareCaches();
    this.#complaints = this.#judge();
    return this.#complaints.length === 0;
  }

  describe(): string {
    const restedUs = this.#world.queue.now - this.#model.changedUs;
    return `no rest (last write ${restedUs / 1_000_000} s ago): ${this.#complaints.join('; ')}`;
  }

  #judge(): string[] {
    const complaints: string[] = [];
    const want = (holds: boolean, what: () => string): void => {
      if (!holds) complaints.push(what());
    };
    const full = this.#judgePods(want);
    for (const item of this.#model.items.values()) {
      want(
        item.metadata.deletionTimestamp === undefined || this.#checker.volumes.isInUse(item),
        () => `${nameOf(item)} is still being deleted`,
      );
      const owners = item.metadata.ownerReferences ?? [];
      want(
        owners.length === 0 || owners.some(({ uid }) => this.#model.byUid.has(uid)),
        () => `${nameOf(item)} has lost its owners`,
      );
      if (!full) this.#judgeWorkload(item, want);
    }
    this.#judgeMachines(want);
    this.#checker.volumes.judge(want);
    this.#checker.budgets.judge(want);
    return complaints;
  }

  /** @returns true when a pod has no room anywhere, or never a volume, so that workloads cannot be whole */
  #judgePods(want: (holds: boolean, what: () => string) => void): boolean {
    let full = false;
    for (const pod of this.#model.of('pods')) {
      if (!isActive(pod)) continue;
      if (nodeOf(pod) === '') {
        full = true;
        want(!hasRoom(this.#model, pod), () => `${nameOf(pod)} waits though there is room`);
        continue;
      }
      if (this.#checker.volumes.waitsForNewClaim(pod)) {
        full = true;
        continue;
      }
      const conditions = (pod.status?.['conditions'] ?? []) as { type: string; status: string }[];
      const ready = conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
      want(ready, () => `${nameOf(pod)} on ${nodeOf(pod)} is not ready`);
    }
    return full;
  }

  #judgeWorkload(item: Item, want: (holds: boolean, what: () => string) => void): void {
    const { spec, status, metadata } = item;
    const observed = count(status, 'observedGeneration');
    const told = (...fields: readonly string[]): string =>
      fields.map((field) => `${field} ${count(status, field)}`).join(', ');
    switch (item.kind) {
      case 'Deployment': {
        const replicas = count(spec, 'replicas');
        const fields = ['replicas', 'updatedReplicas', 'readyReplicas', 'availableReplicas'];
        want(
          observed === metadata.generation &&
            fields.every((field) => count(status, field) === replicas),
          () => `${nameOf(item)} wants ${replicas} and has ${told(...fields)}`,
        );
        return;
      }
      case 'ReplicaSet':
      case 'StatefulSet': {
        const replicas = count(spec, 'replicas');
        const pods = this.#model.podsOf(metadata.uid ?? '').filter(isActive);
        const fields = ['replicas', 'readyReplicas'];
        want(
          observed === metadata.generation &&
            pods.length === replicas &&
            fields.every((field) => count(status, field) === replicas),
          () => `${nameOf(item)} wants ${replicas}, has ${pods.length} pods and ${told(...fields)}`,
        );
        return;
      }
      case 'DaemonSet': {
        const nodes = [...this.#model.of('nodes')].length;
        const pods = this.#model.podsOf(metadata.uid ?? '').filter(isActive);
        const fields = [
          'desiredNumberScheduled',
          'currentNumberScheduled',
          'numberReady',
          'updatedNumberScheduled',
        ];
        want(
          pods.length === nodes && fields.every((field) => count(status, field) === nodes),
          () =>
            `${nameOf(item)} is for ${nodes} nodes, has ${pods.length} pods and ${told(...fields)}`,
        );
        return;
      }
      case 'Job':
        this.#judgeJob(item, want);
        return;
      default:
    }
  }

  #judgeJob(item: Item, want: (holds: boolean, what: () => string) => void): void {
    const { spec, status, metadata } = item;
    if (count(spec, 'parallelism') === 0) return;
    const conditions = (status?.['conditions'] ?? []) as { type: string; status: string }[];
    const is = (wanted: string): boolean =>
      conditions.some(({ type, status: held }) => type === wanted && held === 'True');
    want(is('Complete') || is('Failed'), () => `${nameOf(item)} has not ended`);
    if (is('Complete')) {
      want(
        count(status, 'succeeded') === count(spec, 'completions'),
        () =>
          `${nameOf(item)} is complete with ${count(status, 'succeeded')} of ${count(spec, 'completions')}`,
      );
    }
    for (const pod of this.#model.of('pods')) {
      if (controllerUid(pod) !== metadata.uid) continue;
      want(!isActive(pod), () => `${nameOf(pod)} goes on though ${nameOf(item)} has ended`);
      want(
        (pod.metadata.finalizers ?? []).length === 0,
        () => `${nameOf(pod)} was not counted by ${nameOf(item)}`,
      );
    }
  }

  #judgeMachines(want: (holds: boolean, what: () => string) => void): void {
    for (const node of this.#model.of('nodes')) {
      const taints = (node.spec?.['taints'] ?? []) as { key: string }[];
      want(
        taints.length === 0,
        () => `${nameOf(node)} is tainted: ${taints.map(({ key }) => key).join(', ')}`,
      );
    }
    for (const machine of this.#world.machines) {
      for (const { pod } of machine.running.values()) {
        want(
          this.#model.byUid.has(pod.uid),
          () => `${machine.nodeName} runs ${pod.namespace}/${pod.name}, which is gone`,
        );
      }
    }
  }
}

/**
 * Claims and volumes: a claim is bound to one volume and that to it, for good; a pod is bound only where its volumes
 * are; and the claim of an identity goes only when somebody said so.
 */
import type { ContainerConfig } from '../../../src/runtime/types.js';
import type { Item, Model } from './model.js';
import { controllerUid, isActive, nameOf } from './model.js';
import type { SimMachine } from './node-process.js';
import { nodeOf } from './node-rules.js';
import type { ControlPlaneWorld } from './world.js';

/** The scheduler may have decided on a claim of that name that is gone since. */
const decisionUs = 10_000_000;

const bindCompleted = 'pv.kubernetes.io/bind-completed';
const selected = 'volume.kubernetes.io/selected-node';

/** Names of the claims that a pod uses. */
export function claimsOf(pod: Item): readonly string[] {
  const volumes = (pod.spec?.['volumes'] ?? []) as readonly {
    readonly persistentVolumeClaim?: { readonly claimName: string };
  }[];
  return volumes.flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName ?? []);
}

/** The nodes that a volume can be used on; undefined: on all. */
export function nodesOf(volume: Item): readonly string[] | undefined {
  const affinity = volume.spec?.['nodeAffinity'];
  if (affinity === undefined) return undefined;
  const found = /"metadata\.name","operator":"In","values":\[([^\]]*)\]/.exec(
    JSON.stringify(affinity),
  );
  return (found?.[1] ?? '').split(',').map((name) => name.replaceAll('"', ''));
}

/** The node that the scheduler has chosen for the volume of a claim. */
export function selectedNode(claim: Item): string | undefined {
  return claim.metadata.annotations?.[selected];
}

/** The volume that a claim names, and the claim's uid that a volume names. */
export function volumeNameOf(claim: Item | undefined): string {
  return (claim?.spec?.['volumeName'] as string | undefined) ?? '';
}

/** The uid of the claim that a volume is for. */
export function claimUidOf(volume: Item | undefined): string | undefined {
  return (volume?.spec?.['claimRef'] as { readonly uid?: string } | undefined)?.uid;
}

/** See above. */
export class VolumeRules {
  readonly #world: ControlPlaneWorld;
  readonly #model: Model;
  readonly #bornUs = new Map<string, number>();
  readonly #boundUs = new Map<string, number>();

  constructor(world: ControlPlaneWorld, model: Model) {
    this.#world = world;
    this.#model = model;
  }

  onWrite(old: Item | undefined, item: Item): void {
    if (item.kind === 'PersistentVolume') this.#checkVolume(old, item);
    if (item.kind === 'PersistentVolumeClaim') this.#checkClaim(old, item);
    if (item.kind !== 'Pod' || nodeOf(old) !== '' || nodeOf(item) === '') return;
    this.#boundUs.set(item.metadata.uid ?? '', this.#world.queue.now);
    this.#checkPlace(item);
  }

  #checkVolume(old: Item | undefined, volume: Item): void {
    const before = claimUidOf(old);
    const now = claimUidOf(volume);
    if (before === undefined || before === now) return;
    this.#world.broken(`${nameOf(volume)} was of claim ${before}, and then of ${now ?? 'nobody'}`);
  }

  #checkClaim(old: Item | undefined, claim: Item): void {
    const { uid = '', annotations } = claim.metadata;
    if (old === undefined) this.#bornUs.set(uid, this.#world.queue.now);
    const [before, now] = [volumeNameOf(old), volumeNameOf(claim)];
    if (before !== '' && before !== now) {
      this.#world.broken(`${nameOf(claim)} was bound to ${before}, and then to ${now}`);
    }
    if (annotations?.[bindCompleted] === undefined) return;
    if (old?.metadata.annotations?.[bindCompleted] !== undefined) return;
    this.#world.count('claims bound');
    const volume = this.#model.get('persistentvolumes', '', now);
    if (volume !== undefined && claimUidOf(volume) !== uid) {
      this.#world.broken(`${nameOf(claim)} is bound to ${now}, which is of another claim`);
    }
  }

  /** A pod is bound where the volumes of its claims are. */
  #checkPlace(pod: Item): void {
    for (const name of claimsOf(pod)) {
      const claim = this.#claim(pod.metadata.namespace, name);
      if (claim === undefined || claim.metadata.deletionTimestamp !== undefined) continue;
      const born = this.#bornUs.get(claim.metadata.uid ?? '') ?? 0;
      if (this.#world.queue.now - born < decisionUs && volumeNameOf(claim) === '') continue;
      this.#mustReach(`${nameOf(pod)} is bound`, claim, nodeOf(pod));
    }
  }

  /** No container starts without its volumes. */
  containerStarted(machine: SimMachine, config: ContainerConfig): void {
    const pod = this.#model.byId(config.pod.uid);
    if (pod === undefined) return;
    for (const name of claimsOf(pod)) {
      const claim = this.#claim(pod.metadata.namespace, name);
      if (claim === undefined) this.#world.broken(`${nameOf(pod)} starts without claim ${name}`);
      else this.#mustReach(`${nameOf(pod)} starts`, claim, machine.nodeName);
    }
  }

  #mustReach(what: string, claim: Item, node: string): void {
    const name = volumeNameOf(claim);
    const volume = this.#model.get('persistentvolumes', '', name);
    if (volume === undefined || claimUidOf(volume) !== claim.metadata.uid) {
      this.#world.broken(`${what} on ${node} before ${nameOf(claim)} is`);
      return;
    }
    const nodes = nodesOf(volume) ?? [node];
    if (nodes.includes(node)) return;
    this.#world.broken(`${what} on ${node}, and ${nameOf(volume)} is on ${nodes.join(', ')}`);
  }

  #claim(namespace = '', name: string): Item | undefined {
    return this.#model.get('persistentvolumeclaims', namespace, name);
  }

  /** A claim that a pod on a node uses, and has for so long: it stays until that has ended. */
  isInUse({ kind, metadata: { namespace, name } }: Item, sinceUs = 0): boolean {
    if (kind !== 'PersistentVolumeClaim') return false;
    const latestUs = this.#world.queue.now - sinceUs;
    return [...this.#model.of('pods')].some(
      (pod) =>
        pod.metadata.namespace === namespace &&
        nodeOf(pod) !== '' &&
        (this.#boundUs.get(pod.metadata.uid ?? '') ?? 0) <= latestUs &&
        isActive(pod) &&
        claimsOf(pod).includes(name),
    );
  }

  /** A claim goes when somebody deleted it, with its namespace, or with its owner. */
  onRemoval(old: Item): void {
    if (old.kind !== 'PersistentVolumeClaim') return;
    const { uid = '', namespace = '', ownerReferences = [] } = old.metadata;
    const space = this.#model.get('namespaces', '', namespace);
    if (space === undefined || space.metadata.deletionTimestamp !== undefined) return;
    if (this.#world.users.droppedClaims.has(uid)) return;
    const ownerGoes = ownerReferences.some((owner) => {
      const found = this.#model.byId(owner.uid);
      return found === undefined || found.metadata.deletionTimestamp !== undefined;
    });
    if (!ownerGoes) this.#world.broken(`${nameOf(old)} is gone, and nobody said so`);
  }

  /**
   * Tells whether a pod that has a node waits for a claim that was deleted and made anew while it had none: a scheduler
   * that has not heard of it binds the pod by the former claim, and nothing chooses a volume for the new one. So it is
   * in Kubernetes as well; whoever deleted the claim deletes the pod, too.
   */
  waitsForNewClaim(pod: Item): boolean {
    const madeAt = ({ metadata }: Item): number => this.#model.made.get(metadata.uid ?? '') ?? 0;
    return claimsOf(pod).some((name) => {
      const claim = this.#claim(pod.metadata.namespace, name);
      return claim !== undefined && volumeNameOf(claim) === '' && madeAt(claim) > madeAt(pod);
    });
  }

  /** At rest: claims that are bound say so, and so do their volumes; what nobody has is free or gone. */
  judge(want: (holds: boolean, what: () => string) => void): void {
    for (const claim of this.#model.of('persistentvolumeclaims')) {
      const name = volumeNameOf(claim);
      const phase = claim.status?.['phase'];
      const volume = this.#model.get('persistentvolumes', '', name);
      const bound = volume !== undefined && claimUidOf(volume) === claim.metadata.uid;
      const right = name === '' ? 'Pending' : bound ? 'Bound' : 'Lost';
      want(phase === right, () => `${nameOf(claim)} is ${right} and says ${String(phase)}`);
      want(right !== 'Lost', () => `${nameOf(claim)} has lost ${name}`);
    }
    for (const volume of this.#model.of('persistentvolumes')) this.#judgeVolume(volume, want);
    for (const pod of this.#model.of('pods')) {
      // Pods that were left behind by their set have nobody who makes claims for them.
      const owner = controllerUid(pod);
      const isCaredFor = owner !== undefined && this.#model.byId(owner) !== undefined;
      for (const name of isActive(pod) && isCaredFor ? claimsOf(pod) : []) {
        const there = this.#claim(pod.metadata.namespace, name) !== undefined;
        want(there, () => `${nameOf(pod)} waits for claim ${name}, which nobody makes`);
      }
    }
  }

  #judgeVolume(volume: Item, want: (holds: boolean, what: () => string) => void): void {
    const uid = claimUidOf(volume);
    const claim = uid === undefined ? undefined : this.#model.byId(uid);
    const phase = volume.status?.['phase'];
    const right = uid === undefined ? 'Available' : claim === undefined ? 'Released' : 'Bound';
    want(phase === right, () => `${nameOf(volume)} is ${right} and says ${String(phase)}`);
    if (claim !== undefined) {
      want(
        volumeNameOf(claim) === volume.metadata.name,
        () => `${nameOf(volume)} is kept for ${nameOf(claim)}, which is bound elsewhere`,
      );
    }
    const deletes = volume.spec?.['persistentVolumeReclaimPolicy'] === 'Delete';
    want(right !== 'Released' || !deletes, () => `${nameOf(volume)} is nobody's and still there`);
  }
}

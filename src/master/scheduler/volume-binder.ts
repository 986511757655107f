/**
 * Binds the claims of a pod that waited for its node: reserves static volumes by `claimRef`, asks provisioners by the
 * annotation `volume.kubernetes.io/selected-node`, and waits until the volume controller has bound them.
 */
import type { ApiClient, Informer } from '../../client/types.js';
import type { Clock } from '../../lib/clock.js';
import type { PersistentVolumeClaim, Pod } from '../../api/types/core.js';
import {
  boundByControllerAnnotation,
  isClaimBound,
  selectedNodeAnnotation,
} from '../../api/facts/volume-match.js';
import { resources } from '../../client/resources.js';
import type { SchedulerCache } from './cache.js';
import type { VolumeChoice } from './plugins/volume-binding.js';
import { chooseVolumes, unboundClaims } from './plugins/volume-binding.js';

/** @see kube-scheduler VolumeBindingArgs.bindTimeoutSeconds */
const bindTimeoutMs = 600_000;

/** Writes the scheduler's choice of volumes and waits until the claims are bound (VolumeBinding's PreBind). */
export class VolumeBinder {
  readonly #client: ApiClient;
  readonly #clock: Clock;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #cache: SchedulerCache;
  readonly #cancels = new Set<() => void>();

  constructor(options: {
    readonly client: ApiClient;
    readonly clock: Clock;
    readonly claims: Informer<PersistentVolumeClaim>;
    readonly cache: SchedulerCache;
  }) {
    this.#client = options.client;
    this.#clock = options.clock;
    this.#claims = options.claims;
    this.#cache = options.cache;
  }

  /** Decides and reserves, in the same turn in which the node was chosen; {@link release} must follow. */
  choose(pod: Pod, nodeName: string): readonly VolumeChoice[] {
    const claims = unboundClaims(pod, this.#cache);
    const node = this.#cache.node(nodeName);
    if (claims.length === 0 || node === undefined) return [];
    const choices = chooseVolumes(claims, node, this.#cache) ?? [];
    for (const choice of choices) {
      if ('volume' in choice) this.#cache.promiseVolume(choice.volume.metadata.name, true);
    }
    return choices;
  }

  release(choices: readonly VolumeChoice[]): void {
    for (const choice of choices) {
      if ('volume' in choice) this.#cache.promiseVolume(choice.volume.metadata.name, false);
    }
  }

  /** Resolves when all are bound. @throws when that takes longer than ten minutes, or at {@link stop} */
  async bind(choices: readonly VolumeChoice[], node: string): Promise<void> {
    for (const choice of choices) {
      if ('volume' in choice) await this.#reserve(choice.claim, choice.volume.metadata.name);
      else await this.#askProvisioner(choice.claim, node);
    }
    await Promise.all(choices.map(({ claim }) => this.#waitBound(claim)));
  }

  stop(): void {
    for (const cancel of this.#cancels) cancel();
  }

  async #reserve(claim: PersistentVolumeClaim, volume: string): Promise<void> {
    const { namespace, name, uid } = claim.metadata;
    await this.#client.patch(resources.volumes, { name: volume }, 'application/merge-patch+json', {
      metadata: {
        annotations: { [boundByControllerAnnotation]: 'yes' },
        resourceVersion: this.#cache.volume(volume)?.metadata.resourceVersion,
      },
      spec: {
        claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid },
      },
    });
  }

  async #askProvisioner(claim: PersistentVolumeClaim, node: string): Promise<void> {
    await this.#client.patch(resources.claims, claim.metadata, 'application/merge-patch+json', {
      metadata: { annotations: { [selectedNodeAnnotation]: node } },
    });
  }

  #waitBound(claim: PersistentVolumeClaim): Promise<void> {
    return new Promise((resolve, reject) => {
      let settled = false;
      const settle = (error?: Error): void => {
        if (settled) return;
        settled = true;
        cancelTimer();
        queueMicrotask(() => unsubscribe());
        this.#cancels.delete(abort);
        if (error === undefined) resolve();
        else reject(error);
      };
      const abort = (): void => settle(new Error('the scheduler stops'));
      const cancelTimer = this.#clock.schedule(bindTimeoutMs, () =>
        settle(new Error('binding volumes: context deadline exceeded')),
      );
      this.#cancels.add(abort);
      const unsubscribe = this.#claims.onChange((change) => {
        const { type, object } = change;
        if (object.metadata.uid !== claim.metadata.uid) return;
        if (type === 'delete') settle(new Error('binding volumes: claim was deleted'));
        else if (isClaimBound(object)) settle();
        else if (type === 'update' && isAsked(change.old) && !isAsked(object)) {
          settle(new Error('binding volumes: provisioning failed'));
        }
      });
    });
  }
}

function isAsked(claim: PersistentVolumeClaim): boolean {
  return claim.metadata.annotations?.[selectedNodeAnnotation] !== undefined;
}

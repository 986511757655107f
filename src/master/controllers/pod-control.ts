import { generateNamePrefix, podFromTemplate } from '../../api/facts/pods.js';
import type { Owner } from '../../api/facts/owners.js';
import type { Matcher } from '../../api/facts/selectors.js';
import type { Pod, PodTemplateSpec } from '../../api/types/core.js';
import { forEachBounded, slowStart } from '../../client/controller/bounded.js';
import { Expectations } from '../../client/controller/expectations.js';
import { claim } from '../../client/controller/ownership.js';
import { ownerUidIndex } from '../../client/controller/pod-index.js';
import type { EventRecorder } from '../../client/events/recorder.js';
import { resources } from '../../client/resources.js';
import type { Informer, ResourceId } from '../../client/types.js';
import { hasStatusCause, isApiError, namespaceTerminating } from '../../client/types.js';
import { errorMessage } from '../../lib/errors.js';
import type { ControllerContext } from './context.js';

/** The pods of a controller's owners: claimed, made and deleted (kubernetes pkg/controller RealPodControl). */
export class PodControl {
  /** Counts what was asked for here and has not been seen; the caller says before what it asks for. */
  readonly expectations: Expectations;
  readonly #context: ControllerContext;
  readonly #recorder: EventRecorder;
  readonly #pods: Informer<Pod>;
  readonly #ownerResource: ResourceId;
  readonly #concurrency: number;
  readonly #finalizer: string | undefined;

  constructor(
    context: ControllerContext,
    options: {
      readonly recorder: EventRecorder;
      readonly pods: Informer<Pod>;
      readonly ownerResource: ResourceId;
      /** Requests at once. */
      readonly concurrency: number;
      /** Of pods that are owned: adopted ones get it, and those that are let go lose it. */
      readonly finalizer?: string;
    },
  ) {
    this.#context = context;
    this.expectations = new Expectations(context.clock);
    this.#recorder = options.recorder;
    this.#pods = options.pods;
    this.#ownerResource = options.ownerResource;
    this.#concurrency = options.concurrency;
    this.#finalizer = options.finalizer;
  }

  /** Adopts orphans that match, and lets go of pods that match no more. @returns the owner's pods */
  claim(owner: Owner, matches: Matcher, isCandidate: (pod: Pod) => boolean = any): Promise<Pod[]> {
    const { namespace = '', uid = '' } = owner.metadata;
    return claim({
      client: this.#context.client,
      owner,
      ownerResource: this.#ownerResource,
      resource: resources.pods,
      objects: [
        ...this.#pods.byIndex(ownerUidIndex, uid),
        ...this.#pods.byIndex(ownerUidIndex, `orphan:${namespace}`),
      ].filter(isCandidate),
      matches,
      ...(this.#finalizer === undefined ? {} : { finalizer: this.#finalizer }),
    });
  }

  /** Makes `count` pods, in slow-start batches. @returns the errors that are worth another try */
  async create(owner: Owner, count: number, podAt: (index: number) => Pod): Promise<unknown[]> {
    const { uid = '' } = owner.metadata;
    const { client } = this.#context;
    const { successes, errors } = await slowStart(count, this.#concurrency, async (at) => {
      const made = await client.create<Pod>(resources.pods, podAt(at));
      this.expectations.made(uid, made);
      this.#recorder.normal(owner, 'SuccessfulCreate', `Created pod: ${made.metadata.name}`);
    });
    this.expectations.failed(uid, count - successes);
    return this.#tellOfFailedCreates(owner, errors);
  }

  /** In a namespace that ends a pod that is not made is no news, and there is nothing to try again. */
  #tellOfFailedCreates(owner: Owner, errors: readonly unknown[]): unknown[] {
    const left = errors.filter((error) => !hasStatusCause(error, namespaceTerminating));
    for (const error of left) {
      this.#recorder.warning(owner, 'FailedCreate', `Error creating: ${errorMessage(error)}`);
    }
    return left;
  }

  /**
   * Deletes these very pods, whoever may have taken their names.
   * @param before is done to each pod first @returns the errors; a pod that is gone is none
   */
  delete(
    owner: Owner,
    pods: readonly Pod[],
    before: (pod: Pod) => Promise<void> = nothing,
  ): Promise<unknown[]> {
    return forEachBounded(pods, this.#concurrency, async (pod) => {
      const { uid = '', name } = pod.metadata;
      try {
        await before(pod);
        await this.#context.client.delete(resources.pods, pod.metadata, { preconditions: { uid } });
        this.#recorder.normal(owner, 'SuccessfulDelete', `Deleted pod: ${name}`);
      } catch (error) {
        this.expectations.deleted(owner.metadata.uid ?? '', uid);
        if (isApiError(error, 'NotFound')) return;
        this.#recorder.warning(owner, 'FailedDelete', `Error deleting: ${errorMessage(error)}`);
        throw error;
      }
    });
  }
}

/** A pod of the owner, named after it. */
export function ownedPod(template: PodTemplateSpec, owner: Owner): Pod {
  return podFromTemplate(template, owner, generateNamePrefix(owner.metadata.name));
}

const any = (): boolean => true;
const nothing = (): Promise<void> => Promise.resolve();

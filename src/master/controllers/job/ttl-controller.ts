/** Deletes finished Jobs when their time to live is over. @see KEP-592 */
import { splitKey } from '../../../api/facts/keys.js';
import type { Job } from '../../../api/types/workloads.js';
import { resources } from '../../../client/resources.js';
import type { Informer } from '../../../client/types.js';
import type { ReconcileResult } from '../../../lib/work-queue.js';
import type { ControllerContext } from '../context.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import {
  createReconciler,
  ignoreNotFound,
  watchSelf,
} from '../../../client/controller/reconciler.js';
import { msUntilExpiry } from './plan.js';

/** Controller "ttl-after-finished". */
export function createJobExpiry(context: ControllerContext): Reconciler {
  return new JobExpiry(context).reconciler;
}

class JobExpiry {
  readonly #context: ControllerContext;
  readonly #jobs: Informer<Job>;
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.reconciler = createReconciler(context, {
      name: 'ttl-after-finished',
      reconcile: (key) => this.#reconcile(key),
    });
    this.#jobs = watchSelf<Job>(context, resources.jobs, (key) => this.reconciler.enqueue(key));
  }

  async #reconcile(key: string): Promise<ReconcileResult | void> {
    const job = this.#jobs.get(splitKey(key));
    const { client, clock } = this.#context;
    const waitMs = job === undefined ? undefined : msUntilExpiry(job, clock.nowMs());
    if (job === undefined || waitMs === undefined) return undefined;
    if (waitMs > 0) return { requeueAfterMs: waitMs };
    const preconditions = { uid: job.metadata.uid ?? '' };
    await client
      .delete(resources.jobs, job.metadata, { propagationPolicy: 'Foreground', preconditions })
      .catch(ignoreNotFound);
    return undefined;
  }
}

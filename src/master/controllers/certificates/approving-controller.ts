/**
 * Controllers "certificatesigningrequest-approving" and "-cleaner". Approved without a human are the client
 * certificates of nodes, when the requester may have them (a SubjectAccessReview on `…/nodeclient` or
 * `…/selfnodeclient` says so). As in Kubernetes serving certificates are not: a node writes its addresses itself, so
 * they prove nothing.
 */
import { now } from '../../../api/facts/time.js';
import type { CertificateSigningRequest, SubjectAccessReview } from '../../../api/types/policy.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import {
  createReconciler,
  ignoreNotFound,
  watchSelf,
} from '../../../client/controller/reconciler.js';
import { resources } from '../../../client/resources.js';
import type { Informer } from '../../../client/types.js';
import { readSigningRequest } from '../../../lib/pki/certificates.js';
import type { ReconcileResult } from '../../../lib/work-queue.js';
import type { ControllerContext } from '../context.js';
import type { Permission } from './plan.js';
import { accessReview, approved, isUndecided, msUntilRemoval, permissionsFor } from './plan.js';
import { kubeletClientSigner, refusal } from './shapes.js';

/** Controller "certificatesigningrequest-approving-controller". */
export function createApprovingController(context: ControllerContext): Reconciler {
  return new ApprovingController(context).reconciler;
}

class ApprovingController {
  readonly #context: ControllerContext;
  readonly #requests: Informer<CertificateSigningRequest>;
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.reconciler = createReconciler(context, {
      name: 'certificatesigningrequest-approving-controller',
      workers: 2,
      reconcile: (name) => this.#reconcile(name),
    });
    this.#requests = watchRequests(context, this.reconciler);
  }

  async #reconcile(name: string): Promise<void> {
    const request = this.#requests.get({ name });
    if (request === undefined || !isUndecided(request)) return;
    const { signerName, usages = [] } = request.spec;
    if (signerName !== kubeletClientSigner) return;
    const read = await readSigningRequest(Buffer.from(request.spec.request, 'base64').toString());
    if (refusal(signerName, { ...read, usages }) !== undefined) return;
    for (const permission of permissionsFor(request, read.commonName)) {
      if (!(await this.#mayHave(request, permission))) continue;
      const { client, clock } = this.#context;
      await client.update<CertificateSigningRequest>(
        resources.certificateRequests,
        approved(request, permission, now(clock)),
        { subresource: 'approval' },
      );
      return;
    }
  }

  async #mayHave(request: CertificateSigningRequest, permission: Permission): Promise<boolean> {
    const review = await this.#context.client.create<SubjectAccessReview>(
      resources.accessReviews,
      accessReview(request, permission),
    );
    return review.status?.allowed === true;
  }
}

/** Controller "certificatesigningrequest-cleaner-controller". */
export function createRequestCleaner(context: ControllerContext): Reconciler {
  return new RequestCleaner(context).reconciler;
}

/** Removes requests that have had their day. */
class RequestCleaner {
  readonly #context: ControllerContext;
  readonly #requests: Informer<CertificateSigningRequest>;
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.reconciler = createReconciler(context, {
      name: 'certificatesigningrequest-cleaner-controller',
      workers: 1,
      reconcile: (name) => this.#reconcile(name),
    });
    this.#requests = watchRequests(context, this.reconciler);
  }

  async #reconcile(name: string): Promise<ReconcileResult | void> {
    const request = this.#requests.get({ name });
    if (request === undefined) return undefined;
    const { client, clock } = this.#context;
    const waitMs = msUntilRemoval(request, clock.nowMs());
    if (waitMs > 0) return { requeueAfterMs: waitMs };
    await client.delete(resources.certificateRequests, { name }).catch(ignoreNotFound);
    return undefined;
  }
}

function watchRequests(
  context: ControllerContext,
  reconciler: Reconciler,
): Informer<CertificateSigningRequest> {
  return watchSelf<CertificateSigningRequest>(context, resources.certificateRequests, (key) =>
    reconciler.enqueue(key),
  );
}

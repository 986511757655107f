/**
 * Controllers "certificatesigningrequest-approving" and "-cleaner". Approved without a human are the client certificates of nodes,
 * when the requester may have them (a SubjectAccessReview on `…/nodeclient` or `…/selfnodeclient` says so). As in Kubernetes
 * serving certificates are not: a node writes its addresses itself, so they prove nothing.
 */
import type { CertificateSigningRequest, SubjectAccessReview } from '../../../api/types/policy.js';
import { readSigningRequest } from '../../../lib/pki/certificates.js';
import type { ReconcileResult } from '../../../lib/work-queue.js';
import type { ControllerContext } from '../context.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import {
  createReconciler,
  ignoreNotFound,
  watchSelf,
} from '../../../client/controller/reconciler.js';
import { resources } from '../../../client/resources.js';
import { now, parseTime } from '../../../api/facts/time.js';
import type { RequestShape } from './shapes.js';
import { kubeletClientSigner, refusal } from './shapes.js';
import { has } from './signing-controller.js';

export function createApprovingController(context: ControllerContext): Reconciler {
  const { client, clock } = context;
  const reconciler = createReconciler(context, {
    name: 'certificatesigningrequest-approving-controller',
    workers: 2,
    reconcile,
  });
  const requests = watchSelf<CertificateSigningRequest>(
    context,
    resources.certificateRequests,
    (key) => reconciler.enqueue(key),
  );

  async function reconcile(name: string): Promise<void> {
    const request = requests.get({ name });
    if (request === undefined || has(request, 'Approved') || has(request, 'Denied')) return;
    const { signerName, usages = [] } = request.spec;
    if (signerName !== kubeletClientSigner) return;
    const read = await readSigningRequest(Buffer.from(request.spec.request, 'base64').toString());
    const shape: RequestShape = { ...read, usages };
    if (refusal(signerName, shape) !== undefined) return;
    const message = await approveClient(request, shape);
    if (message === undefined) return;
    const at = now(clock);
    const condition = {
      type: 'Approved',
      status: 'True',
      reason: 'AutoApproved',
      message,
      lastUpdateTime: at,
      lastTransitionTime: at,
    };
    await client.update(
      resources.certificateRequests,
      {
        ...request,
        status: {
          ...request.status,
          conditions: [...(request.status?.conditions ?? []), condition],
        },
      },
      { subresource: 'approval' },
    );
  }

  async function approveClient(
    request: CertificateSigningRequest,
    shape: RequestShape,
  ): Promise<string | undefined> {
    const isOwn = request.spec.username === shape.commonName;
    if (isOwn && (await mayHave(request, 'selfnodeclient'))) {
      return 'Auto approving self kubelet client certificate after SubjectAccessReview.';
    }
    if (!(await mayHave(request, 'nodeclient'))) return undefined;
    return 'Auto approving kubelet client certificate after SubjectAccessReview.';
  }

  async function mayHave(
    { spec }: CertificateSigningRequest,
    subresource: string,
  ): Promise<boolean> {
    const review = await client.create<SubjectAccessReview>(resources.accessReviews, {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      metadata: { name: '' },
      spec: {
        user: spec.username,
        uid: spec.uid,
        groups: spec.groups,
        extra: spec.extra,
        resourceAttributes: {
          group: 'certificates.k8s.io',
          resource: 'certificatesigningrequests',
          verb: 'create',
          version: '*',
          subresource,
        },
      },
    });
    return review.status?.allowed === true;
  }
  return reconciler;
}

const hourMs = 3_600_000;
/** How long requests are kept: decided or answered ones, and those that nobody looked at. */
const keepMs = { settled: hourMs, pending: 24 * hourMs } as const;

/** Removes requests that have had their day. */
export function createRequestCleaner(context: ControllerContext): Reconciler {
  const { client, clock } = context;
  const reconciler = createReconciler(context, {
    name: 'certificatesigningrequest-cleaner-controller',
    workers: 1,
    reconcile,
  });
  const requests = watchSelf<CertificateSigningRequest>(
    context,
    resources.certificateRequests,
    (key) => reconciler.enqueue(key),
  );

  async function reconcile(name: string): Promise<ReconcileResult | void> {
    const request = requests.get({ name });
    if (request === undefined) return undefined;
    const waitMs = endsAtMs(request) - clock.nowMs();
    if (waitMs > 0) return { requeueAfterMs: waitMs };
    await client.delete(resources.certificateRequests, { name }).catch(ignoreNotFound);
    return undefined;
  }
  return reconciler;
}

/** When a request may go. */
function endsAtMs({ metadata, status }: CertificateSigningRequest): number {
  const createdMs = parseTime(metadata.creationTimestamp) ?? 0;
  const conditions = status?.conditions ?? [];
  if (conditions.length === 0) return createdMs + keepMs.pending;
  const times = conditions.map(({ lastUpdateTime }) => parseTime(lastUpdateTime) ?? createdMs);
  return Math.max(...times) + keepMs.settled;
}

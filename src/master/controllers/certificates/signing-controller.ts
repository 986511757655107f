/** Controller "certificatesigningrequest-signing": signs approved requests to Kubernetes' own signers with the cluster's CA. */
import type { CertificateSigningRequest } from '../../../api/types/policy.js';
import { readSigningRequest, signRequest } from '../../../lib/pki/certificates.js';
import type { ControllerContext } from '../context.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import { createReconciler, watchSelf } from '../../../client/controller/reconciler.js';
import { resources } from '../../../client/resources.js';
import { now } from '../../../api/facts/time.js';
import { has } from './plan.js';
import { isServed, kubeletServingSigner, refusal } from './shapes.js';

const daySeconds = 86_400;
const longestSeconds = 365 * daySeconds;
/** The shortest validity that is given (kubernetes: ten minutes). */
const shortestSeconds = 600;

export function createSigningController(context: ControllerContext): Reconciler[] {
  const { client, clock, flags } = context;
  const ca = flags.signing;
  if (ca === undefined) return [];
  const authority = ca;
  const reconciler = createReconciler(context, {
    name: 'certificatesigningrequest-signing-controller',
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
    if (request === undefined || !isServed(request.spec.signerName)) return;
    if (!has(request, 'Approved') || has(request, 'Denied') || has(request, 'Failed')) return;
    if ((request.status?.certificate ?? '') !== '') return;
    const { signerName, usages = [], expirationSeconds = longestSeconds } = request.spec;
    const read = await readSigningRequest(Buffer.from(request.spec.request, 'base64').toString());
    const reason = refusal(signerName, { ...read, usages });
    if (reason !== undefined) {
      await fail(request, reason);
      return;
    }
    const seconds = Math.min(longestSeconds, Math.max(shortestSeconds, expirationSeconds));
    const certificate = await signRequest({
      ca: authority,
      request: read.request,
      subject: { ...read, usages: [signerName === kubeletServingSigner ? 'server' : 'client'] },
      clock,
      days: seconds / daySeconds,
    });
    await client.updateStatus(resources.certificateRequests, {
      ...request,
      status: { ...request.status, certificate: Buffer.from(certificate).toString('base64') },
    });
  }

  async function fail(request: CertificateSigningRequest, message: string): Promise<void> {
    const at = now(clock);
    const condition = {
      type: 'Failed',
      status: 'True',
      reason: 'SignerValidationFailure',
      message,
      lastUpdateTime: at,
      lastTransitionTime: at,
    };
    const conditions = [...(request.status?.conditions ?? []), condition];
    await client.updateStatus(resources.certificateRequests, {
      ...request,
      status: { ...request.status, conditions },
    });
  }
  return [reconciler];
}

/**
 * Controller "certificatesigningrequest-signing": signs approved requests to Kubernetes' own signers with the cluster's
 * CA.
 */
import { now } from '../../../api/facts/time.js';
import type { CertificateSigningRequest } from '../../../api/types/policy.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import { createReconciler, watchSelf } from '../../../client/controller/reconciler.js';
import { resources } from '../../../client/resources.js';
import type { Informer } from '../../../client/types.js';
import { readSigningRequest, signRequest } from '../../../lib/pki/certificates.js';
import type { ControllerContext } from '../context.js';
import { backdateMs, failed, isToBeSigned, validityDays } from './plan.js';
import { isServed, kubeletServingSigner, refusal } from './shapes.js';

type Authority = NonNullable<ControllerContext['flags']['signing']>;

/** Controller "certificatesigningrequest-signing-controller"; none where no CA is known. */
export function createSigningController(context: ControllerContext): Reconciler[] {
  const { signing } = context.flags;
  return signing === undefined ? [] : [new SigningController(context, signing).reconciler];
}

class SigningController {
  readonly #context: ControllerContext;
  readonly #authority: Authority;
  readonly #requests: Informer<CertificateSigningRequest>;
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext, authority: Authority) {
    this.#context = context;
    this.#authority = authority;
    this.reconciler = createReconciler(context, {
      name: 'certificatesigningrequest-signing-controller',
      workers: 2,
      reconcile: (name) => this.#reconcile(name),
    });
    this.#requests = watchSelf<CertificateSigningRequest>(
      context,
      resources.certificateRequests,
      (key) => this.reconciler.enqueue(key),
    );
  }

  async #reconcile(name: string): Promise<void> {
    const request = this.#requests.get({ name });
    if (request === undefined || !isServed(request.spec.signerName)) return;
    if (!isToBeSigned(request)) return;
    const { client, clock } = this.#context;
    const { signerName, usages = [], expirationSeconds } = request.spec;
    const read = await readSigningRequest(Buffer.from(request.spec.request, 'base64').toString());
    const reason = refusal(signerName, { ...read, usages });
    if (reason !== undefined) {
      const refused = failed(request, reason, now(clock));
      await client.updateStatus<CertificateSigningRequest>(resources.certificateRequests, refused);
      return;
    }
    const certificate = await signRequest({
      ca: this.#authority(),
      request: read.request,
      subject: { ...read, usages: [signerName === kubeletServingSigner ? 'server' : 'client'] },
      clock,
      days: validityDays(expirationSeconds),
      backdateMs,
    });
    await client.updateStatus<CertificateSigningRequest>(resources.certificateRequests, {
      ...request,
      status: { ...request.status, certificate: Buffer.from(certificate).toString('base64') },
    });
  }
}

import type { CertificateSigningRequest } from '../../../api/types/policy.js';
import { forbidden, invalidObject } from '../status.js';
import { invalid } from '../../../api/field-error.js';
import { readSigningRequest } from '../../../lib/pki/certificates.js';
import type { Objects } from '../registry/objects.js';
import type { AdmissionRequest } from '../registry/types.js';
import type { AdmissionPlugin } from './chain.js';

const target = { group: 'certificates.k8s.io', resource: 'certificatesigningrequests' };
const clientSigner = 'kubernetes.io/kube-apiserver-client';
const mastersGroup = 'system:masters';

/**
 * Writes on a certificate request who sent it, and when it was decided on; refuses those that cannot be read and those
 * that would make an administrator (kube-apiserver's CertificateSubjectRestriction).
 */
export function certificateRequests(objects: Objects): AdmissionPlugin {
  return {
    name: 'CertificateSubjectRestriction',
    handles: ({ context }) => context.target.kind.kind === 'CertificateSigningRequest',
    async mutate(admitted) {
      const request = admitted.object as CertificateSigningRequest | undefined;
      if (request === undefined) return;
      if (admitted.operation !== 'CREATE') {
        stampConditions(request, objects.now());
        return;
      }
      const { name, uid, groups, extra } = admitted.context.user;
      Object.assign(request.spec, { username: name, groups: [...groups] });
      if (uid === undefined) delete request.spec.uid;
      else request.spec.uid = uid;
      if (extra === undefined) delete request.spec.extra;
      else {
        request.spec.extra = Object.fromEntries(
          Object.entries(extra).map(([key, values]) => [key, [...values]]),
        );
      }
      request.status = {};
      await refuse(admitted, request);
    },
  };
}

async function refuse(
  admitted: AdmissionRequest,
  request: CertificateSigningRequest,
): Promise<void> {
  const { kind } = admitted.context.target;
  const { name } = request.metadata;
  const about = { group: kind.group, kind: kind.kind, name };
  const pem = Buffer.from(request.spec.request, 'base64').toString('latin1');
  if (
    !pem.includes('BEGIN CERTIFICATE REQUEST') &&
    !pem.includes('BEGIN NEW CERTIFICATE REQUEST')
  ) {
    const text = 'PEM block type must be CERTIFICATE REQUEST';
    throw invalidObject(about, [invalid('spec.request', request.spec.request, text)]);
  }
  let organizations: readonly string[];
  try {
    ({ organizations } = await readSigningRequest(pem));
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw invalidObject(about, [invalid('spec.request', request.spec.request, text)]);
  }
  if (request.spec.signerName === clientSigner && organizations.includes(mastersGroup)) {
    const text = `use of ${clientSigner} signer with ${mastersGroup} group is not allowed`;
    throw forbidden(target, name, text);
  }
}

function stampConditions({ status }: CertificateSigningRequest, now: string): void {
  for (const condition of status?.conditions ?? []) {
    condition.lastUpdateTime ??= now;
    condition.lastTransitionTime ??= now;
  }
}

import type { CertificateSigningRequest } from '../../../api/types/policy.js';
import { isSigningRequest } from '../../../api/certificates/validation.js';
import { given } from '../../../api/schema/node.js';
import { semanticEqual } from '../../../api/equal.js';
import { invalid } from '../../../api/field-error.js';
import { goBytes } from '../../../api/go-text/syntax.js';
import { readSigningRequest } from '../../../lib/pki/certificates.js';
import { errorMessage } from '../../../lib/errors.js';
import type { Authorization } from '../authz/authorizers.js';
import type { Objects } from '../registry/objects.js';
import type { AdmissionRequest } from '../registry/types.js';
import { forbidden, invalidObject } from '../status.js';
import type { AdmissionPlugin } from './chain.js';

const target = { group: 'certificates.k8s.io', resource: 'certificatesigningrequests' };
const clientSigner = 'kubernetes.io/kube-apiserver-client';
const mastersGroup = 'system:masters';

/** The plugins that check certificate requests and their approval and signing, as in kube-apiserver. */
export function certificateRequests(
  objects: Objects,
  authorization: Authorization,
): AdmissionPlugin[] {
  return [
    subjectRestriction(objects),
    signerPermission({
      name: 'CertificateApproval',
      subresource: 'approval',
      verb: 'approve',
      authorization,
      concerns: () => true,
    }),
    signerPermission({
      name: 'CertificateSigning',
      subresource: 'status',
      verb: 'sign',
      authorization,
      concerns: ({ status: next = {} }, { status: old = {} }) =>
        next.certificate !== old.certificate ||
        !semanticEqual(next.conditions ?? [], old.conditions ?? []),
    }),
  ];
}

/**
 * Lets only those decide on a request, or answer it, who may `approve` or `sign` for its signer: by the signer's name,
 * or for its whole domain (`example.com/*`). The right to write the object alone is not enough.
 */
function signerPermission(options: {
  readonly name: string;
  readonly subresource: string;
  readonly verb: 'approve' | 'sign';
  readonly authorization: Authorization;
  readonly concerns: (next: CertificateSigningRequest, old: CertificateSigningRequest) => boolean;
}): AdmissionPlugin {
  const { verb, authorization } = options;
  return {
    name: options.name,
    handles: ({ operation, context: { target: at } }) =>
      operation === 'UPDATE' &&
      at.kind.kind === 'CertificateSigningRequest' &&
      at.subresource === options.subresource,
    async validate({ object, old, context }) {
      if (object === undefined || old === undefined) return;
      // The kind says what the objects are. The stored signer counts, whatever the update names.
      const before = old as CertificateSigningRequest;
      if (!options.concerns(object as CertificateSigningRequest, before)) return;
      const { signerName } = before.spec;
      const [domain = ''] = signerName.split('/');
      for (const name of [signerName, `${domain}/*`]) {
        const { allowed } = await authorization.decide({
          user: context.user,
          verb,
          isResource: true,
          group: target.group,
          version: '*',
          resource: 'signers',
          subresource: '',
          namespace: '',
          name,
          path: '',
        });
        if (allowed) return;
      }
      const text = `user not permitted to ${verb} requests with signerName ${JSON.stringify(signerName)}`;
      throw forbidden(target, before.metadata.name, text);
    },
  };
}

/**
 * Writes on a certificate request who sent it, and when it was decided on; refuses those that cannot be read and those
 * that would make an administrator (kube-apiserver's CertificateSubjectRestriction).
 */
function subjectRestriction(objects: Objects): AdmissionPlugin {
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
  // What is no request is refused with all else that is wrong, in validation.
  if (!isSigningRequest(given(request.spec).request ?? '')) return;
  const pem = Buffer.from(request.spec.request, 'base64').toString('latin1');
  let organizations: readonly string[];
  try {
    ({ organizations } = await readSigningRequest(pem));
  } catch (error) {
    const text = errorMessage(error);
    throw invalidObject(about, [invalid('spec.request', goBytes(request.spec.request), text)]);
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

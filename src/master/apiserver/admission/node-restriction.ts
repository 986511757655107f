/**
 * The limits on a node's writes (kube-apiserver's NodeRestriction, as of 1.33): its own Node and Lease, and pods bound
 * to it.
 */
import { semanticEqual } from '../../../api/equal.js';
import type { CertificateSigningRequest } from '../../../api/types/policy.js';
import { readSigningRequest } from '../../../lib/pki/certificates.js';
import { errorMessage } from '../../../lib/errors.js';
import { nodeNameOf } from '../authz/node-identity.js';
import type { Objects } from '../registry/objects.js';
import type { AdmissionRequest } from '../registry/types.js';
import { errorTarget } from '../registry/types.js';
import { forbidden } from '../status.js';
import type { AdmissionPlugin } from './chain.js';
import { checkNode } from './node-own-object.js';
import { checkPod } from './node-pods.js';
import type { Refuse } from './node-refusal.js';
import { checkClaimStatus, checkVolume } from './node-volumes.js';

const leaseNamespace = 'kube-node-lease';
const kubeletSigners = new Set([
  'kubernetes.io/kubelet-serving',
  'kubernetes.io/kube-apiserver-client-kubelet',
]);

/** The NodeRestriction plugin: a node changes its own objects only (Kubernetes docs, "NodeRestriction"). */
export function nodeRestriction(objects: Pick<Objects, 'watchCache'>): AdmissionPlugin {
  return {
    name: 'NodeRestriction',
    handles: ({ context }) => nodeNameOf(context.user) !== undefined,
    async validate(request) {
      const { user, target } = request.context;
      const { kind } = target;
      const node = nodeNameOf(user) ?? '';
      const refuse: Refuse = (text) => {
        throw forbidden(errorTarget(kind), nameOf(request), text);
      };
      if (node === '') refuse(`could not determine node from user ${JSON.stringify(user.name)}`);
      switch (kind.group === '' ? kind.plural : `${kind.group}/${kind.plural}`) {
        case 'pods':
          return checkPod(request, node, objects.watchCache, refuse);
        case 'nodes':
          return checkNode(request, node, refuse);
        case 'persistentvolumeclaims':
          return checkClaimStatus(request, node, refuse);
        case 'persistentvolumes':
          return checkVolume(request, node, refuse);
        case 'coordination.k8s.io/leases':
          return checkLease(request, node, refuse);
        case 'storage.k8s.io/csinodes':
          if (nameOf(request) === node) return undefined;
          return refuse('can only access CSINode with the same name as the requesting node');
        case 'networking.k8s.io/ingresses':
          return checkIngressStatus(request, node, refuse);
        case 'certificates.k8s.io/certificatesigningrequests':
          return checkSigningRequest(request, node, refuse);
        default:
          return undefined;
      }
    },
  };
}

/** A create says the name in the object only. */
function nameOf({ context, object }: AdmissionRequest): string {
  return context.target.name === '' ? (object?.metadata.name ?? '') : context.target.name;
}

function checkLease(request: AdmissionRequest, node: string, refuse: Refuse): void {
  if (request.context.target.namespace !== leaseNamespace) {
    refuse(`can only access leases in the "${leaseNamespace}" system namespace`);
  }
  if (nameOf(request) !== node) {
    refuse('can only access node lease with the same name as the requesting node');
  }
}

/** A node's ingress writes the status; labels and annotations say how an Ingress is served, and by whom. */
function checkIngressStatus({ object, old }: AdmissionRequest, node: string, refuse: Refuse): void {
  for (const field of ['labels', 'annotations'] as const) {
    if (!semanticEqual(old?.metadata[field], object?.metadata[field])) {
      refuse(`node "${node}" cannot update ${field} through ingress status`);
    }
  }
}

/** A node asks its own signers for certificates of its own name only. */
async function checkSigningRequest(
  { operation, object }: AdmissionRequest,
  node: string,
  refuse: Refuse,
): Promise<void> {
  if (operation !== 'CREATE' || object === undefined) return;
  // The kind says what the object is.
  const { spec } = object as CertificateSigningRequest;
  if (!kubeletSigners.has(spec.signerName ?? '')) return;
  const pem = Buffer.from(spec.request ?? '', 'base64').toString('latin1');
  let commonName: string;
  try {
    ({ commonName } = await readSigningRequest(pem));
  } catch (error) {
    refuse(`unable to parse csr: ${errorMessage(error)}`);
    return;
  }
  if (commonName !== `system:node:${node}`) {
    refuse(`can only create a node CSR with CN=system:node:${node}`);
  }
}

/**
 * The requests that Kubernetes' own signers sign: pure checks of a request against its signer.
 * @see kubernetes pkg/apis/certificates/helpers.go
 */

/** The signer of client certificates that the API server accepts. */
export const clientSigner = 'kubernetes.io/kube-apiserver-client';

/** The signer of client certificates for nodes. */
export const kubeletClientSigner = 'kubernetes.io/kube-apiserver-client-kubelet';

/** The signer of the certificates that nodes serve with. */
export const kubeletServingSigner = 'kubernetes.io/kubelet-serving';

const nodesGroup = 'system:nodes';
const nodeUserPrefix = 'system:node:';

/** The subject, hosts and usages that a request asks for. */
export interface RequestShape {
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** Alternative names: host names and addresses. */
  readonly hosts: readonly string[];
  /** Alternative names that are no hosts. */
  readonly otherNames: readonly string[];
  readonly usages: readonly string[];
}

/** Members may do everything, at the API and at every node's agent: no signer makes one. */
const mastersGroup = 'system:masters';

/** Why this signer does not sign that; undefined when it does. */
export function refusal(signerName: string, shape: RequestShape): string | undefined {
  if (shape.organizations.includes(mastersGroup)) {
    return `use of ${signerName} signer with ${mastersGroup} group is not allowed`;
  }
  switch (signerName) {
    case clientSigner:
      return refuseUsages(shape, 'client auth');
    case kubeletClientSigner:
      return refuseNode(shape) ?? refuseHosts(shape) ?? refuseNodeUsages(shape, 'client auth');
    case kubeletServingSigner:
      if (shape.hosts.length === 0) return 'DNS or IP subjectAltName is required';
      return refuseNode(shape) ?? refuseOthers(shape) ?? refuseNodeUsages(shape, 'server auth');
    default:
      return `signer "${signerName}" is not served here`;
  }
}

/** True when this program signs for that signer. */
export function isServed(signerName: string): boolean {
  return [clientSigner, kubeletClientSigner, kubeletServingSigner].includes(signerName);
}

function refuseNode({ commonName, organizations }: RequestShape): string | undefined {
  if (organizations.length !== 1 || organizations[0] !== nodesGroup) {
    return `subject organization is not ${nodesGroup}`;
  }
  const isNode = commonName.startsWith(nodeUserPrefix) && commonName.length > nodeUserPrefix.length;
  return isNode ? undefined : `subject common name does not begin with ${nodeUserPrefix}`;
}

function refuseHosts(shape: RequestShape): string | undefined {
  if (shape.hosts.length > 0) return 'subjectAltNames are not allowed';
  return refuseOthers(shape);
}

function refuseOthers({ otherNames }: RequestShape): string | undefined {
  return otherNames.length === 0 ? undefined : 'Email and URI subjectAltNames are not allowed';
}

/** A kubelet's certificate has exactly its usages; enciphering keys is for RSA and may be left out. */
function refuseNodeUsages(shape: RequestShape, main: string): string | undefined {
  if (!shape.usages.includes('digital signature')) {
    return 'usages did not contain "digital signature"';
  }
  return refuseUsages(shape, main);
}

function refuseUsages({ usages }: RequestShape, main: string): string | undefined {
  const allowed = new Set(['digital signature', 'key encipherment', main]);
  if (!usages.includes(main)) return `usages did not contain "${main}"`;
  const other = usages.find((usage) => !allowed.has(usage));
  return other === undefined ? undefined : `usages contained "${other}", which is not allowed`;
}

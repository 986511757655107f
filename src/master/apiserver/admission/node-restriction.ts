import type { KubeObject } from '../../../api/object.js';
import { semanticEqual } from '../../../api/equal.js';
import { nodeNameOf } from '../authz/node-identity.js';
import type { AdmissionRequest } from '../registry/types.js';
import { errorTarget } from '../registry/types.js';
import { forbidden } from '../status.js';
import type { AdmissionPlugin } from './chain.js';

interface NodeObject extends KubeObject {
  spec?: { taints?: unknown[]; nodeName?: string; configSource?: unknown };
}

/** Labels of Kubernetes' own domains that a node may give itself. */
const ownLabels = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'node.kubernetes.io/instance-type',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/instance-type',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
]);
const ownDomains = ['kubelet.kubernetes.io', 'node.kubernetes.io'];

function isForbiddenLabel(key: string): boolean {
  const [domain = '', name] = key.split('/');
  if (name === undefined || ownLabels.has(key)) return false;
  const within = (suffix: string): boolean => domain === suffix || domain.endsWith(`.${suffix}`);
  if (ownDomains.some(within)) return false;
  return within('kubernetes.io') || within('k8s.io');
}

/** A node changes only its own Node and Lease, and only pods that are bound to it. */
export function nodeRestriction(): AdmissionPlugin {
  return {
    name: 'NodeRestriction',
    handles: ({ context }) => nodeNameOf(context.user) !== undefined,
    validate(request) {
      const node = nodeNameOf(request.context.user) ?? '';
      const { kind } = request.context.target;
      const refuse = (text: string): never => {
        throw forbidden(errorTarget(kind), request.context.target.name, text);
      };
      if (kind.group === '' && kind.kind === 'Node') checkNode(request, node, refuse);
      if (kind.group === '' && kind.kind === 'Pod') checkPod(request, node, refuse);
      if (kind.group === 'coordination.k8s.io' && kind.kind === 'Lease') {
        const name = request.object?.metadata.name ?? request.context.target.name;
        if (name !== node)
          refuse(`can only access node lease with the same name as the requesting node`);
      }
    },
  };
}

type Refuse = (text: string) => never;

function checkNode(request: AdmissionRequest, node: string, refuse: Refuse): void {
  const next: NodeObject | undefined = request.object;
  const old: NodeObject | undefined = request.old;
  const name = next?.metadata.name ?? request.context.target.name;
  if (name !== node) refuse(`node "${node}" is not allowed to modify node "${name}"`);
  if (request.operation === 'DELETE') refuse(`node "${node}" cannot delete its own node object`);
  if (next === undefined) return;
  const labels = next.metadata.labels ?? {};
  const before = old?.metadata.labels ?? {};
  const changed = [...new Set([...Object.keys(labels), ...Object.keys(before)])]
    .filter((key) => labels[key] !== before[key] && isForbiddenLabel(key))
    .sort();
  if (changed.length > 0) {
    refuse(
      `is not allowed to ${old === undefined ? 'set' : 'modify'} labels: ${changed.join(', ')}`,
    );
  }
  if (old !== undefined && !semanticEqual(next.spec?.taints, old.spec?.taints)) {
    refuse(`node "${node}" is not allowed to modify taints`);
  }
}

const mirrorAnnotation = 'kubernetes.io/config.mirror';

function checkPod(request: AdmissionRequest, node: string, refuse: Refuse): void {
  const { operation } = request;
  if (operation === 'CREATE') {
    const pod: NodeObject | undefined = request.object;
    if (pod?.metadata.annotations?.[mirrorAnnotation] === undefined) {
      refuse(
        `pod does not have "${mirrorAnnotation}" annotation, node "${node}" can only create mirror pods`,
      );
    }
    if (pod?.spec?.nodeName !== node) {
      refuse(`node "${node}" can only create pods with spec.nodeName set to itself`);
    }
    return;
  }
  const old: NodeObject | undefined = request.old;
  if (old?.spec?.nodeName === node) return;
  const verb = operation === 'DELETE' ? 'delete' : 'update status for';
  refuse(`node "${node}" can only ${verb} pods with spec.nodeName set to itself`);
}

import type { KubeObject } from '../../../api/object.js';
import type { Mirror } from '../cache/mirror.js';
import type { Attributes, Authorizer, Decision } from './attributes.js';
import { nodeNameOf } from './node-identity.js';

/** What a pod's volumes and environment name. */
interface PodView extends KubeObject {
  spec?: {
    nodeName?: string;
    serviceAccountName?: string;
    volumes?: Record<string, unknown>[];
    containers?: Record<string, unknown>[];
    initContainers?: Record<string, unknown>[];
    ephemeralContainers?: Record<string, unknown>[];
    imagePullSecrets?: { name?: string }[];
  };
}

interface NodeMatch {
  key: string;
  values?: string[];
}

interface VolumeView extends KubeObject {
  spec?: {
    claimRef?: { namespace?: string; name?: string };
    nodeAffinity?: {
      required?: {
        nodeSelectorTerms?: { matchExpressions?: NodeMatch[]; matchFields?: NodeMatch[] }[];
      };
    };
  };
}

interface IngressView extends KubeObject {
  spec?: { tls?: { secretName?: string }[] };
}

const nodeKeys = new Set(['kubernetes.io/hostname', 'metadata.name']);
const allowed: Decision = { allowed: true, reason: '' };

/**
 * Lets a node read the secrets, config maps, claims, volumes and service accounts that pods bound to it use, and nobody
 * else's (kube-apiserver's Node authorizer). What nodes may do in general stands in the role `system:node`.
 */
export class NodeAuthorizer implements Authorizer {
  readonly #mirror: Mirror;

  constructor(mirror: Mirror) {
    this.#mirror = mirror;
    mirror.cache('pods').addIndex('spec.nodeName');
  }

  authorize(attributes: Attributes): Decision | undefined {
    const node = nodeNameOf(attributes.user);
    if (node === undefined || !attributes.isResource) return undefined;
    const { group, resource } = attributes;
    if (group === '') {
      switch (resource) {
        case 'secrets':
          if (this.#reads(attributes) && this.#servesIngress(attributes)) return allowed;
          return this.#reads(attributes) && this.#uses(node, attributes) ? allowed : undefined;
        case 'configmaps':
        case 'persistentvolumeclaims':
          return this.#reads(attributes) && this.#uses(node, attributes) ? allowed : undefined;
        case 'persistentvolumes':
          return this.#mayTouchVolume(node, attributes) ? allowed : undefined;
        case 'serviceaccounts':
          return this.#serviceAccount(node, attributes);
        default:
      }
    }
    return generalRules.some((rule) => rule(attributes, node)) ? allowed : undefined;
  }

  #reads(attributes: Attributes): boolean {
    const verbs = ['get', 'list', 'watch'];
    return (
      attributes.name !== '' && attributes.subresource === '' && verbs.includes(attributes.verb)
    );
  }

  *#pods(node: string, namespace: string): Generator<PodView> {
    for (const entry of this.#mirror.cache('pods').byIndex('spec.nodeName', node) ?? []) {
      if (namespace === '' || entry.namespace === namespace) yield entry.object();
    }
  }

  #uses(node: string, attributes: Attributes): boolean {
    for (const pod of this.#pods(node, attributes.namespace)) {
      if (references(pod, attributes.resource).has(attributes.name)) return true;
    }
    return false;
  }

  /** Every node serves ingresses, so it reads their certificates. */
  #servesIngress(attributes: Attributes): boolean {
    for (const entry of this.#mirror
      .cache('networking.k8s.io/ingresses')
      .list(attributes.namespace)) {
      const ingress: IngressView = entry.object();
      const named = ingress.spec?.tls?.some((tls) => tls.secretName === attributes.name);
      if (named === true) return true;
    }
    return false;
  }

  /**
   * Volumes are no secret, so nodes may list them; a node changes only those that live on it: it makes and removes
   * the directories of the local-path provisioner and says so in the object.
   */
  #mayTouchVolume(node: string, attributes: Attributes): boolean {
    if (attributes.subresource !== '') return false;
    if (read.has(attributes.verb)) {
      return (
        attributes.name === '' ||
        this.#usesVolume(node, attributes.name) ||
        this.#livesOn(node, attributes.name)
      );
    }
    return ['patch', 'update'].includes(attributes.verb) && this.#livesOn(node, attributes.name);
  }

  #livesOn(node: string, name: string): boolean {
    const volume: VolumeView | undefined = this.#mirror
      .cache('persistentvolumes')
      .get(name)
      ?.object();
    const terms = volume?.spec?.nodeAffinity?.required?.nodeSelectorTerms ?? [];
    return terms.some((term) =>
      [...(term.matchExpressions ?? []), ...(term.matchFields ?? [])].some(
        ({ key, values }) => nodeKeys.has(key) && values?.includes(node) === true,
      ),
    );
  }

  #usesVolume(node: string, name: string): boolean {
    const volume: VolumeView | undefined = this.#mirror
      .cache('persistentvolumes')
      .get(name)
      ?.object();
    const claim = volume?.spec?.claimRef;
    if (claim?.name === undefined) return false;
    for (const pod of this.#pods(node, claim.namespace ?? '')) {
      if (references(pod, 'persistentvolumeclaims').has(claim.name)) return true;
    }
    return false;
  }

  #serviceAccount(node: string, attributes: Attributes): Decision | undefined {
    const isToken = attributes.verb === 'create' && attributes.subresource === 'token';
    if (!isToken && !this.#reads(attributes)) return undefined;
    for (const pod of this.#pods(node, attributes.namespace)) {
      if ((pod.spec?.serviceAccountName ?? 'default') === attributes.name) return allowed;
    }
    return undefined;
  }
}

const read = new Set(['get', 'list', 'watch']);

/** Verbs on whole resources (bootstrap policy `NodeRules`); what a node may touch in detail is NodeRestriction's. */
const generalRules: readonly ((a: Attributes, node: string) => boolean)[] = [
  (a) =>
    a.group === '' &&
    read.has(a.verb) &&
    ['services', 'endpoints', 'pods', 'namespaces'].includes(a.resource),
  (a) =>
    a.group === '' &&
    a.resource === 'nodes' &&
    a.subresource !== 'proxy' &&
    ['create', 'get', 'list', 'watch', 'update', 'patch'].includes(a.verb),
  (a) =>
    a.group === '' &&
    a.resource === 'pods' &&
    ((a.subresource === '' && ['create', 'delete'].includes(a.verb)) ||
      (a.subresource === 'status' && ['update', 'patch'].includes(a.verb)) ||
      (a.subresource === 'eviction' && a.verb === 'create')),
  (a) =>
    ['', 'events.k8s.io'].includes(a.group) &&
    a.resource === 'events' &&
    ['create', 'update', 'patch'].includes(a.verb),
  (a, node) =>
    a.group === 'coordination.k8s.io' &&
    a.resource === 'leases' &&
    ['get', 'create', 'update', 'patch', 'delete', 'list', 'watch'].includes(a.verb) &&
    a.namespace === 'kube-node-lease' &&
    (a.name === '' || a.name === node),
  (a) =>
    ['authentication.k8s.io', 'authorization.k8s.io'].includes(a.group) &&
    a.verb === 'create' &&
    /(tokenreviews|accessreviews)$/.test(a.resource),
  // The addresses of the masters, which announce themselves by leases.
  (a) =>
    a.group === 'coordination.k8s.io' &&
    a.resource === 'leases' &&
    a.namespace === 'kube-system' &&
    read.has(a.verb),
  (a) =>
    a.group === 'networking.k8s.io' &&
    a.resource === 'ingresses' &&
    a.subresource === 'status' &&
    ['patch', 'update'].includes(a.verb),
  (a) =>
    a.group === 'certificates.k8s.io' &&
    a.resource === 'certificatesigningrequests' &&
    ['create', 'get', 'list', 'watch'].includes(a.verb) &&
    a.subresource === '',
  (a) =>
    ['storage.k8s.io', 'node.k8s.io', 'discovery.k8s.io', 'networking.k8s.io'].includes(a.group) &&
    read.has(a.verb),
];

function references(pod: PodView, resource: string): Set<string> {
  const names = new Set<string>();
  const { spec } = pod;
  if (spec === undefined) return names;
  if (resource === 'persistentvolumeclaims') {
    for (const volume of spec.volumes ?? []) {
      const claim = volume['persistentVolumeClaim'] as { claimName?: string } | undefined;
      if (claim?.claimName !== undefined) names.add(claim.claimName);
      if (volume['ephemeral'] !== undefined)
        names.add(`${pod.metadata.name}-${String(volume['name'])}`);
    }
    return names;
  }
  const keys = resource === 'secrets' ? secretKeys : configMapKeys;
  if (resource === 'secrets') {
    for (const secret of spec.imagePullSecrets ?? [])
      if (secret.name !== undefined) names.add(secret.name);
  }
  for (const part of [
    spec.volumes,
    spec.containers,
    spec.initContainers,
    spec.ephemeralContainers,
  ]) {
    collect(part, keys, names);
  }
  return names;
}

const secretKeys = new Set(['secret', 'secretRef', 'secretKeyRef', 'nodePublishSecretRef']);
const configMapKeys = new Set(['configMap', 'configMapRef', 'configMapKeyRef']);

/** Walks volumes and containers for fields that name a secret or a config map. */
function collect(value: unknown, keys: ReadonlySet<string>, names: Set<string>): void {
  if (Array.isArray(value)) {
    for (const item of value) collect(item, keys, names);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [key, field] of Object.entries(value)) {
    if (keys.has(key) && typeof field === 'object' && field !== null) {
      const reference = field as { name?: unknown; secretName?: unknown };
      const name = reference.secretName ?? reference.name;
      if (typeof name === 'string') names.add(name);
    }
    collect(field, keys, names);
  }
}

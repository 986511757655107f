import { isLocalTo } from '../../../api/facts/local-path.js';
import type { PersistentVolume } from '../../../api/types/core.js';
import type { Ingress } from '../../../api/types/networking.js';
import type { VolumeAttachment } from '../../../api/types/policy.js';
import type { Attributes, Authorizer, Decision, NoOpinion } from './attributes.js';
import type { Caches } from './node-graph.js';
import { NodeGraph } from './node-graph.js';
import { nodeNameOf } from './node-identity.js';
import { companionRules, nodeRules } from './node-rules.js';
import { ruleAllows } from './rbac.js';

/** Says yes, or why not: others are asked all the same. */
type Answer = Decision | NoOpinion;

const allowed: Decision = { allowed: true, reason: '' };
const leaseNamespace = 'kube-node-lease';
const mastersNamespace = 'kube-system';
const reads = new Set(['get', 'list', 'watch']);
const ownVerbs = new Set(['get', 'create', 'update', 'patch', 'delete']);

function no(reason: string): NoOpinion {
  return { allowed: undefined, reason };
}

/**
 * Lets a node read the Secrets, ConfigMaps, claims and volumes that pods bound to it use, make tokens for their
 * accounts, and nothing else of the kind (kube-apiserver's Node authorizer). Each resource is decided on with its
 * subresource; what is allowed to every node alike stands in {@link nodeRules}.
 */
export class NodeAuthorizer implements Authorizer {
  readonly #caches: Caches;
  readonly #graph: NodeGraph;

  constructor(caches: Caches) {
    this.#caches = caches;
    this.#graph = new NodeGraph(caches);
  }

  authorize(attributes: Attributes): Answer | undefined {
    const node = nodeNameOf(attributes.user);
    if (node === undefined) return undefined;
    if (node === '') return no(`unknown node for user ${JSON.stringify(attributes.user.name)}`);
    if (!attributes.isResource) return undefined;
    const own = this.#ownObject(node, attributes);
    if (own?.allowed === true) return own;
    const rules = own === undefined ? [...nodeRules, ...companionRules] : companionRules;
    if (rules.some((rule) => ruleAllows(rule, attributes))) return allowed;
    return own;
  }

  /** Decides on what is divided among the nodes; undefined for a resource that is not. */
  #ownObject(node: string, attributes: Attributes): Answer | undefined {
    switch (
      attributes.group === '' ? attributes.resource : `${attributes.group}/${attributes.resource}`
    ) {
      case 'secrets':
        return this.#secret(node, attributes);
      case 'configmaps':
        return this.#readByName(node, attributes, (a) =>
          this.#graph.uses(node, 'configMaps', a.namespace, a.name),
        );
      case 'persistentvolumeclaims':
        return this.#claim(node, attributes);
      case 'persistentvolumes':
        return this.#volume(node, attributes);
      case 'resource.k8s.io/resourceclaims':
        return this.#get(node, attributes, (a) =>
          this.#graph.uses(node, 'resourceClaims', a.namespace, a.name),
        );
      case 'storage.k8s.io/volumeattachments':
        return this.#get(node, attributes, (a) => this.#isAttachedTo(node, a.name));
      case 'serviceaccounts':
        return this.#token(node, attributes);
      case 'coordination.k8s.io/leases':
        return this.#lease(node, attributes);
      case 'storage.k8s.io/csinodes':
        return this.#csiNode(node, attributes);
      case 'nodes':
        return this.#node(node, attributes);
      case 'pods':
        return this.#pod(node, attributes);
      default:
        return undefined;
    }
  }

  #related(node: string, attributes: Attributes, holds: (a: Attributes) => boolean): Answer {
    if (attributes.name === '') return no('No Object name found');
    if (holds(attributes)) return allowed;
    return no(`no relationship found between node '${node}' and this object`);
  }

  /** get of one object. */
  #get(node: string, attributes: Attributes, holds: (a: Attributes) => boolean): Answer {
    if (attributes.verb !== 'get') return no('can only get individual resources of this type');
    if (attributes.subresource !== '') return no('cannot get subresource');
    return this.#related(node, attributes, holds);
  }

  /** get, list and watch of one object of one namespace. */
  #readByName(node: string, attributes: Attributes, holds: (a: Attributes) => boolean): Answer {
    if (!reads.has(attributes.verb)) return no('can only read resources of this type');
    if (attributes.subresource !== '') return no('cannot read subresource');
    if (attributes.namespace === '') return no('can only read namespaced object of this type');
    return this.#related(node, attributes, holds);
  }

  #secret(node: string, attributes: Attributes): Answer {
    return this.#readByName(
      node,
      attributes,
      (a) =>
        this.#graph.usesSecret(node, a.namespace, a.name) ||
        this.#servesIngress(a.namespace, a.name),
    );
  }

  /** Every node serves Ingresses, so each reads the certificates that Ingresses name. */
  #servesIngress(namespace: string, name: string): boolean {
    for (const entry of this.#caches.cache('networking.k8s.io/ingresses').list(namespace)) {
      const { spec } = entry.object<Ingress>();
      if (spec.tls?.some((tls) => tls.secretName === name) === true) return true;
    }
    return false;
  }

  #claim(node: string, attributes: Attributes): Answer {
    const holds = (a: Attributes): boolean => this.#graph.uses(node, 'claims', a.namespace, a.name);
    if (attributes.subresource !== 'status') return this.#get(node, attributes, holds);
    if (attributes.verb !== 'update' && attributes.verb !== 'patch') {
      return no('can only get/update/patch this type');
    }
    return this.#related(node, attributes, holds);
  }

  /**
   * Beyond the kubelet's `get`: a worker follows the list of volumes, which are no secret, and lets go of the
   * directories of the local-path provisioner on its own disk. NodeRestriction decides which of their fields it may
   * change.
   */
  #volume(node: string, attributes: Attributes): Answer {
    const { verb, subresource, name } = attributes;
    if (subresource === '') {
      if (verb === 'get' && this.#livesOn(node, name)) return allowed;
      if ((verb === 'list' || verb === 'watch') && attributes.namespace === '') return allowed;
      if ((verb === 'patch' || verb === 'update') && this.#livesOn(node, name)) return allowed;
    }
    return this.#get(node, attributes, (a) => this.#graph.usesVolume(node, a.name));
  }

  #livesOn(node: string, name: string): boolean {
    const entry = this.#caches.cache('persistentvolumes').get(name);
    return entry !== undefined && isLocalTo(entry.object<PersistentVolume>(), node);
  }

  #isAttachedTo(node: string, name: string): boolean {
    const attachment = this.#caches
      .cache('storage.k8s.io/volumeattachments')
      .get(name)
      ?.object<VolumeAttachment>();
    return attachment?.spec.nodeName === node;
  }

  #token(node: string, attributes: Attributes): Answer {
    const { verb, name, subresource } = attributes;
    if (verb !== 'create' || name === '') {
      return no('can only create tokens for individual service accounts');
    }
    if (subresource !== 'token') {
      return no('can only create token subresource of serviceaccount');
    }
    return this.#related(node, attributes, (a) =>
      this.#graph.usesAccount(node, a.namespace, a.name),
    );
  }

  #lease(node: string, { verb, namespace, name, subresource }: Attributes): Answer {
    // Masters announce their addresses by Leases.
    if (namespace === mastersNamespace && subresource === '' && reads.has(verb)) return allowed;
    if (!ownVerbs.has(verb)) {
      return no('can only get, create, update, patch, or delete a node lease');
    }
    if (namespace !== leaseNamespace) {
      return no(`can only access leases in the "${leaseNamespace}" system namespace`);
    }
    // A create does not say the name; NodeRestriction reads it from the object.
    if (verb === 'create' || name === node) return allowed;
    return no('can only access node lease with the same name as the requesting node');
  }

  #csiNode(node: string, { verb, subresource, name }: Attributes): Answer {
    if (!ownVerbs.has(verb)) return no('can only get, create, update, patch, or delete a CSINode');
    if (subresource !== '') return no('cannot authorize CSINode subresources');
    if (verb === 'create' || name === node) return allowed;
    return no('can only access CSINode with the same name as the requesting node');
  }

  #node(node: string, { verb, subresource, name }: Attributes): Answer {
    // NodeRestriction decides which Node may be written.
    if (subresource === 'status' && (verb === 'update' || verb === 'patch')) return allowed;
    if (subresource !== '') return no('');
    if (verb === 'create' || verb === 'update' || verb === 'patch') return allowed;
    if (!reads.has(verb)) return no('');
    if (name === node) return allowed;
    if (name === '') return no(`node '${node}' cannot read all nodes, only its own Node object`);
    return no(`node '${node}' cannot read '${name}', only its own Node object`);
  }

  #pod(node: string, { verb, subresource, namespace, name }: Attributes): Answer {
    if (subresource === 'status' && (verb === 'update' || verb === 'patch')) return allowed;
    if (subresource === 'eviction' && verb === 'create') return allowed;
    if (subresource !== '') return no('');
    if (verb === 'create' || verb === 'delete') return allowed;
    if (!reads.has(verb)) return no('');
    if (name !== '' && this.#graph.runsPod(node, namespace, name)) return allowed;
    if (name !== '') return no(`no relationship found between node '${node}' and this object`);
    return no('can only list/watch pods with spec.nodeName field selector');
  }
}

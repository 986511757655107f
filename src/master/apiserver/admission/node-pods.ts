/** NodeRestriction on pods: a node creates mirror pods of its own, and reports, evicts and deletes pods bound to it. */
import { semanticEqual } from '../../../api/equal.js';
import type { Pod } from '../../../api/types/core.js';
import type { Caches } from '../authz/node-graph.js';
import { mirrorAnnotation, referencesOf } from '../../../api/facts/pod-references.js';
import type { AdmissionRequest } from '../registry/types.js';
import { notFound } from '../status.js';
import type { Refuse } from './node-refusal.js';

/** Refuses pods that a node may not make, change or end: it has mirror pods and the status of its own pods. */
export function checkPod(
  request: AdmissionRequest,
  node: string,
  caches: Caches,
  refuse: Refuse,
): void {
  const { operation, context } = request;
  const { subresource } = context.target;
  // The kind says what the objects are; an eviction comes as the pod's deletion.
  const next = request.object as Pod | undefined;
  const old = request.old as Pod | undefined;
  switch (subresource) {
    case '':
      break;
    case 'status':
      return checkStatus(operation, next, old, node, refuse);
    case 'eviction':
      if (old === undefined || old.spec.nodeName === node) return undefined;
      return refuse(`node ${node} can only evict pods with spec.nodeName set to itself`);
    default:
      return refuse(
        `unexpected pod subresource "${subresource}", only 'status' and 'eviction' are allowed`,
      );
  }
  switch (operation) {
    case 'CREATE':
      if (next !== undefined) checkMirrorPod(next, node, caches, refuse);
      return undefined;
    case 'DELETE':
      if (old === undefined || old.spec.nodeName === node) return undefined;
      return refuse(`node "${node}" can only delete pods with spec.nodeName set to itself`);
    default:
      return refuse(
        `unexpected operation "${operation}", node "${node}" can only create and delete mirror pods`,
      );
  }
}

function checkStatus(
  operation: string,
  next: Pod | undefined,
  old: Pod | undefined,
  node: string,
  refuse: Refuse,
): void {
  if (operation !== 'UPDATE') refuse(`unexpected operation "${operation}"`);
  if (old?.spec.nodeName !== node) {
    refuse(`node "${node}" can only update pod status for pods with spec.nodeName set to itself`);
  }
  if (!semanticEqual(old.metadata.labels ?? {}, next?.metadata.labels ?? {})) {
    refuse(`node "${node}" cannot update labels through pod status`);
  }
  const claims = (pod: Pod | undefined): object => pod?.status?.resourceClaimStatuses ?? [];
  if (!semanticEqual(claims(old), claims(next))) {
    refuse(`node "${node}" cannot update resource claim statues`);
  }
}

function checkMirrorPod(pod: Pod, node: string, caches: Caches, refuse: Refuse): void {
  if (pod.metadata.annotations?.[mirrorAnnotation] === undefined) {
    refuse(
      `pod does not have "${mirrorAnnotation}" annotation, node "${node}" can only create mirror pods`,
    );
  }
  if (pod.spec.nodeName !== node) {
    refuse(`node "${node}" can only create pods with spec.nodeName set to itself`);
  }
  checkOwner(pod, node, caches, refuse);
  const used = referencesOf(pod);
  const may = `node "${node}" can not create pods that reference`;
  if (used.serviceAccount !== '') refuse(`${may} a service account`);
  if (used.secrets.size > 0) refuse(`${may} secrets`);
  if (used.configMaps.size > 0) refuse(`${may} configmaps`);
  for (const { projected } of pod.spec.volumes ?? []) {
    if (projected?.sources?.some((source) => source.clusterTrustBundle !== undefined) === true) {
      refuse(`${may} clustertrustbundles`);
    }
  }
  if (used.claims.size > 0) refuse(`${may} persistentvolumeclaims`);
  // A claim by its name would open it to the node (CVE-2025-4563).
  if ((pod.spec.resourceClaims?.length ?? 0) > 0) refuse(`${may} resourceclaims`);
}

function checkOwner(pod: Pod, node: string, caches: Caches, refuse: Refuse): void {
  const owners = pod.metadata.ownerReferences ?? [];
  const [owner] = owners;
  if (owners.length > 1) {
    refuse(`node "${node}" can only create pods with a single owner reference set to itself`);
  }
  if (
    owner === undefined ||
    owner.apiVersion !== 'v1' ||
    owner.kind !== 'Node' ||
    owner.name !== node
  ) {
    return refuse(`node "${node}" can only create pods with an owner reference set to itself`);
  }
  if (owner.controller !== true) {
    refuse(`node "${node}" can only create pods with a controller owner reference set to itself`);
  }
  if (owner.blockOwnerDeletion === true) {
    refuse(`node "${node}" must not set blockOwnerDeletion on an owner reference`);
  }
  const object = caches.cache('nodes').get(node)?.object();
  if (object === undefined) throw notFound({ group: '', resource: 'node' }, node);
  const { uid = '' } = object.metadata;
  if (owner.uid !== uid) {
    refuse(`node ${node} UID mismatch: expected ${owner.uid} got ${uid}`);
  }
}

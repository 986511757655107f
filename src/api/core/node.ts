/** Node. */
import { findCondition } from '../facts/conditions.js';
import { defineKind } from '../define.js';
import { at, duplicate, forbidden } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { ageColumn, column, joined, nameColumn, orText, wide } from '../print/columns.js';
import type { Node } from '../types/core.js';
import { nodeSchema } from './node-schema.js';

const rolePrefix = 'node-role.kubernetes.io/';

function roles(node: Node): string {
  const found = new Set<string>();
  for (const [key, value] of Object.entries(node.metadata.labels ?? {})) {
    if (key.startsWith(rolePrefix) && key.length > rolePrefix.length) {
      found.add(key.slice(rolePrefix.length));
    } else if (key === 'kubernetes.io/role' && value !== '') found.add(value);
  }
  return joined([...found].sort());
}

function statusText(node: Node): string {
  const ready = findCondition(node.status?.conditions, 'Ready');
  const texts = [ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady'];
  if (node.spec.unschedulable === true) texts.push('SchedulingDisabled');
  return texts.join(',');
}

function address(node: Node, type: string): string {
  return orText(node.status?.addresses?.find((item) => item.type === type)?.address);
}

function validateNode(node: Node): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  (node.spec.taints ?? []).forEach((taint, index) => {
    const key = `${taint.key}:${taint.effect}`;
    if (seen.has(key)) {
      errors.push(duplicate(at('metadata.taints', index), taint));
    }
    seen.add(key);
  });
  return errors;
}

function validateNodeUpdate(next: Node, old: Node): FieldError[] {
  const errors: FieldError[] = [];
  const before = old.spec.podCIDRs ?? [];
  const after = next.spec.podCIDRs ?? [];
  if (before.length > 0 && before.join(',') !== after.join(',')) {
    errors.push(
      forbidden('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'),
    );
  }
  const [now, was] = [next.spec.providerID ?? '', old.spec.providerID ?? ''];
  if (was !== '' && now !== was) {
    errors.push(
      forbidden(
        'spec.providerID',
        'node updates may not change providerID except from "" to valid',
      ),
    );
  }
  return errors;
}

/** Node. */
export const nodeKind = defineKind<Node>({
  group: '',
  version: 'v1',
  kind: 'Node',
  plural: 'nodes',
  shortNames: ['no'],
  namespaced: false,
  schema: nodeSchema,
  keepsStatusOnCreate: true,
  setDefaults: (node) => {
    if (node.status?.capacity !== undefined)
      node.status.allocatable ??= { ...node.status.capacity };
    if (node.spec.podCIDR !== undefined) node.spec.podCIDRs ??= [node.spec.podCIDR];
    else if (node.spec.podCIDRs?.[0] !== undefined) [node.spec.podCIDR] = node.spec.podCIDRs;
  },
  subresources: [
    {
      name: 'proxy',
      kind: 'NodeProxyOptions',
      verbs: ['create', 'delete', 'get', 'patch', 'update'],
    },
  ],
  validate: validateNode,
  validateUpdate: validateNodeUpdate,
  fields: { 'spec.unschedulable': (node) => String(node.spec.unschedulable ?? false) },
  columns: [
    nameColumn,
    column<Node>('Status', statusText),
    column<Node>('Roles', roles),
    ageColumn,
    column<Node>('Version', (node) => node.status?.nodeInfo?.kubeletVersion ?? ''),
    wide<Node>('Internal-IP', (node) => address(node, 'InternalIP')),
    wide<Node>('External-IP', (node) => address(node, 'ExternalIP')),
    wide<Node>('OS-Image', (node) => orText(node.status?.nodeInfo?.osImage, '<unknown>')),
    wide<Node>('Kernel-Version', (node) =>
      orText(node.status?.nodeInfo?.kernelVersion, '<unknown>'),
    ),
    wide<Node>('Container-Runtime', (node) =>
      orText(node.status?.nodeInfo?.containerRuntimeVersion, '<unknown>'),
    ),
  ],
});

/** Node. */
import { findCondition } from '../facts/conditions.js';
import { defineKind } from '../define.js';
import { at, child, duplicate, forbidden, invalid, required } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { ageColumn, column, joined, nameColumn, orText, wide } from '../print/columns.js';
import { given } from '../schema/node.js';
import type { Node } from '../types/core.js';
import { oneOf } from '../validation/checks.js';
import { cidrErrors, labelValueErrors, qualifiedNameErrors } from '../validation/names.js';
import { nodeSchema } from './node-schema.js';
import { taintEffects } from './references.js';

type Taint = NonNullable<Node['spec']['taints']>[number];

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

/** Errors of taints stand below `metadata`, as Kubernetes has it. */
function checkTaint(taint: Taint, path: FieldPath, errors: FieldError[]): void {
  const { key = '', value = '', effect = '' } = given(taint);
  for (const text of qualifiedNameErrors(key)) errors.push(invalid(child(path, 'key'), key, text));
  for (const text of labelValueErrors(value)) {
    errors.push(invalid(child(path, 'value'), value, text));
  }
  if (effect === '') errors.push(required(child(path, 'effect')));
  else oneOf([...taintEffects])(effect, child(path, 'effect'), errors);
}

const podCidrsMax = 2;

function checkPodCidrs(ranges: readonly string[], errors: FieldError[]): void {
  ranges.forEach((range, index) => {
    for (const text of cidrErrors(range)) {
      errors.push(invalid(at('spec.podCIDRs', index), range, text));
    }
  });
  if (ranges.length < podCidrsMax) return;
  const bad = ranges.findIndex((range) => cidrErrors(range).length > 0);
  if (bad >= 0) {
    const text =
      'Internal error: invalid PodCIDRs. failed to check with dual stack with error:' +
      `invalid CIDR[${bad}]: <nil> (invalid CIDR address: ${ranges[bad] ?? ''})`;
    errors.push({ type: 'InternalError', field: 'spec.podCIDRs', body: text });
  }
  const families = new Set(ranges.map((range) => range.includes(':')));
  if (bad >= 0 || families.size < podCidrsMax || ranges.length > podCidrsMax) {
    const text = 'may specify no more than one CIDR for each IP family';
    errors.push(invalid('spec.podCIDRs', ranges, text));
  }
}

function validateNode(node: Node): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  (node.spec.taints ?? []).forEach((taint, index) => {
    const path = at('metadata.taints', index);
    checkTaint(taint, path, errors);
    const key = `${taint.key}:${taint.effect}`;
    const text = 'taints must be unique by key and effect pair';
    if (seen.has(key)) errors.push(duplicate(path, taint, text));
    seen.add(key);
  });
  checkPodCidrs(node.spec.podCIDRs ?? [], errors);
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
  if ((next.spec.externalID ?? '') !== (old.spec.externalID ?? '')) {
    errors.push(forbidden('spec.externalID', 'may not be updated'));
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
    const { podCIDR, podCIDRs } = node.spec;
    if (podCIDR === undefined) {
      if (podCIDRs?.[0] !== undefined) [node.spec.podCIDR] = podCIDRs;
    } else if (podCIDRs?.[0] !== podCIDR) node.spec.podCIDRs = [podCIDR];
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

/**
 * ServiceCIDR, a range of which services get their addresses, and IPAddress, an address that is taken.
 * @see kubernetes pkg/apis/networking/validation/validation.go, pkg/registry/networking/{ipaddress,servicecidr}
 */
import { defineKind } from '../define.js';
import { jsonEqual } from '../equal.js';
import { at, invalid, required } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { ageColumn, column, nameColumn } from '../print/columns.js';
import { always, list, req, str, strPtr, struct, tuned } from '../schema/dsl.js';
import { condition, conditions, kindSchema } from '../schema/meta.js';
import type { Infer } from '../schema/node.js';
import { isDnsSubdomain, isPathSegment } from '../validation/checks.js';
import { ipRange, strictCidrErrors } from '../validation/ip-text.js';

const networking = { group: 'networking.k8s.io', version: 'v1', namespaced: false } as const;
const d = 'networking/v1.';

const addressSchema = kindSchema(`${d}IPAddress`, 'An address that is taken.', {
  spec: always(
    struct(`${d}IPAddressSpec`, 'By whom the address is taken.', {
      parentRef: req(
        struct(`${d}ParentReference`, 'The object that has the address.', {
          group: str('Group of the object; empty for the core group.', {
            checks: [isDnsSubdomain],
          }),
          name: req(str('Name of the object.', { checks: [isPathSegment] })),
          namespace: str('Namespace of the object.', { checks: [isPathSegment] }),
          resource: req(str('Resource of the object.', { checks: [isPathSegment] })),
        }),
      ),
    }),
  ),
});

// As in Go, whose Ready condition has no reason.
const reasonless = tuned(condition, {
  properties: {
    ...condition.properties,
    reason: req(strPtr('Programmatic identifier of the reason; may be empty.')),
  },
});

const serviceCidrSchema = kindSchema(
  `${d}ServiceCIDR`,
  'Ranges of which services get their addresses.',
  {
    spec: always(
      struct(`${d}ServiceCIDRSpec`, 'The ranges.', {
        cidrs: list('At most two ranges, one of each family. Cannot be changed.', str('')),
      }),
    ),
    status: always(
      struct(`${d}ServiceCIDRStatus`, 'Whether addresses are given out of the ranges.', {
        conditions: conditions(reasonless),
      }),
    ),
  },
);

/** IPAddress as a type. */
export interface IPAddress extends Infer<typeof addressSchema> {}
/** ServiceCIDR as a type. */
export interface ServiceCIDR extends Infer<typeof serviceCidrSchema> {}

type Parent = IPAddress['spec']['parentRef'];

function immutable(next: unknown, old: unknown, path: FieldPath): FieldError[] {
  return jsonEqual(next, old) ? [] : [invalid(path, next, 'field is immutable')];
}

/** The object that has an address, as kubectl shows it: `services/default/kubernetes`. */
export function parentText({ spec }: IPAddress): string {
  const parent: Partial<Parent> | undefined = spec.parentRef;
  if (parent === undefined) return '<none>';
  const { group = '', resource = '', name = '', namespace = '' } = parent;
  const type = (group === '' ? resource : `${resource}.${group}`).toLowerCase();
  return [type, ...(namespace === '' ? [] : [namespace]), name].join('/');
}

/** IPAddress. */
export const ipAddressKind = defineKind<IPAddress>({
  ...networking,
  kind: 'IPAddress',
  plural: 'ipaddresses',
  shortNames: ['ip'],
  nameRule: 'address',
  schema: addressSchema,
  validateUpdate: (next, old) =>
    immutable(next.spec.parentRef, old.spec.parentRef, 'spec.parentRef'),
  columns: [nameColumn, column<IPAddress>('ParentRef', parentText)],
});

function checkRanges({ spec }: ServiceCIDR): FieldError[] {
  const path = 'spec.cidrs';
  const { cidrs = [] } = spec;
  const families = new Set(cidrs.map((cidr) => ipRange(cidr)?.ip.bits));
  if (cidrs.length === 0) return [required(path, 'at least one CIDR required')];
  if (cidrs.length > 2) return [invalid(path, spec, 'may only hold up to 2 values')];
  const errors = cidrs.flatMap((cidr, index) =>
    strictCidrErrors(cidr).map((text) => invalid(at(path, index), cidr, text)),
  );
  if (cidrs.length === 2 && families.size < 2 && !families.has(undefined)) {
    const text =
      'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64';
    errors.push(invalid(path, cidrs, text));
  }
  return errors;
}

/** A range stays; a second one, of the other family, may come to a single one. */
function checkRangesUpdate(next: ServiceCIDR, old: ServiceCIDR): FieldError[] {
  const path = 'spec.cidrs';
  const [now, before] = [next.spec.cidrs ?? [], old.spec.cidrs ?? []];
  const isSecond = before.length === 1 && now.length === 2;
  if (now.length !== before.length && !isSecond) return immutable(now, before, path);
  const errors = before.flatMap((cidr, index) => immutable(now[index], cidr, at(path, index)));
  return isSecond ? [...errors, ...checkRanges(next)] : errors;
}

/** ServiceCIDR. */
export const serviceCidrKind = defineKind<ServiceCIDR>({
  ...networking,
  kind: 'ServiceCIDR',
  statusKeeps: 'metadata',
  keepsStatusOnCreate: true,
  plural: 'servicecidrs',
  schema: serviceCidrSchema,
  validateCreate: (object) => checkRanges(object as ServiceCIDR),
  validateUpdate: checkRangesUpdate,
  columns: [
    nameColumn,
    column<ServiceCIDR>('CIDRs', ({ spec }) => (spec.cidrs ?? []).join(',')),
    ageColumn,
  ],
});

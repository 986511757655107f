/** Validation of the spec of a claim, of its own or in a pod's ephemeral volume, and what is dropped before it. */
import { child, forbidden, invalid, required } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { given } from '../schema/node.js';
import type { PersistentVolumeClaim } from '../types/core.js';
import { parseQuantity } from '../quantity.js';
import { accessModes } from './claim.js';
import { dnsLabel, dnsSubdomain } from '../validation/names.js';

type Spec = PersistentVolumeClaim['spec'];
type Source = NonNullable<Spec['dataSource']> | NonNullable<Spec['dataSourceRef']>;

function sourceErrors(source: Source, path: FieldPath, anyGroup: boolean): FieldError[] {
  const errors: FieldError[] = [];
  const { apiGroup = '', kind = '' } = given(source);
  if (apiGroup === '' && kind !== 'PersistentVolumeClaim') {
    const text = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
    errors.push(invalid(path, kind, text));
  }
  if (apiGroup !== '' && !anyGroup) {
    for (const text of dnsSubdomain(apiGroup)) {
      errors.push(invalid(child(path, 'apiGroup'), apiGroup, text));
    }
  }
  return errors;
}

/** True for a stored claim whose source has a group: its updates may have any. */
function hasGroup({ dataSource, dataSourceRef }: Spec): boolean {
  return dataSource?.apiGroup !== undefined || dataSourceRef?.apiGroup !== undefined;
}

/** True for a mode that stands alone, and one beside it. */
function isMixed(modes: readonly string[]): boolean {
  const single = 'ReadWriteOncePod';
  const others = modes.filter((mode) => mode !== single && accessModes.includes(mode));
  return modes.includes(single) && others.length > 0;
}

/**
 * What is wrong with a claim's spec beside its schema.
 * @param old the stored spec; undefined for a new claim
 */
export function claimSpecErrors(spec: Spec, path: FieldPath, old?: Spec): FieldError[] {
  const errors: FieldError[] = [];
  const modes = spec.accessModes ?? [];
  if (modes.length === 0) {
    errors.push(required(child(path, 'accessModes'), 'at least 1 access mode is required'));
  } else if (isMixed(modes)) {
    const text = 'may not use ReadWriteOncePod with other access modes';
    errors.push(forbidden(child(path, 'accessModes'), text));
  }
  const storage = spec.resources?.requests?.['storage'];
  const here = child(path, 'resources[storage]');
  if (storage === undefined) errors.push(required(here));
  else if ((parseQuantity(storage)?.sign() ?? 1) <= 0) {
    errors.push(invalid(here, storage, 'must be greater than zero'));
  }
  const anyGroup = old !== undefined && hasGroup(old);
  for (const name of ['dataSource', 'dataSourceRef'] as const) {
    const source = spec[name];
    if (source !== undefined) errors.push(...sourceErrors(source, child(path, name), anyGroup));
  }
  const { namespace = '' } = spec.dataSourceRef ?? {};
  if (namespace === '') return errors;
  for (const text of dnsLabel(namespace)) {
    errors.push(invalid(child(path, 'dataSourceRef.namespace'), namespace, text));
  }
  return errors;
}

/** Fields of a claim whose features are off in Kubernetes 1.33, but for what the stored one has. In place. */
export function dropGatedClaimFields(spec: Spec, old: Spec | undefined): void {
  // VolumeAttributesClass: beta, and off.
  if (old?.volumeAttributesClassName === undefined) delete spec.volumeAttributesClassName;
  // CrossNamespaceVolumeDataSource: alpha.
  const { namespace = '' } = spec.dataSourceRef ?? {};
  if (namespace !== '' && old?.dataSourceRef === undefined) delete spec.dataSourceRef;
}

/** PersistentVolume and PersistentVolumeClaim. */
import { normalize } from 'node:path/posix';
import { defineKind } from '../define.js';
import { semanticEqual } from '../equal.js';
import { at, forbidden, invalid, required } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { ageColumn, column, nameColumn, orText, wide } from '../print/columns.js';
import { parseQuantity } from '../quantity.js';
import type { PersistentVolume, PersistentVolumeClaim } from '../types/core.js';
import { claimSchema } from './claim-schema.js';
import { claimSpecErrors, dropGatedClaimFields } from './claim-validation.js';
import { persistentVolumeSchema } from './volume-schema.js';

const classAnnotation = 'volume.beta.kubernetes.io/storage-class';
const modeNames: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};
const modeOrder = Object.keys(modeNames);

function modesText(modes: readonly string[] | undefined): string {
  const present = modeOrder.filter((mode) => modes?.includes(mode) === true);
  return present.map((mode) => modeNames[mode] ?? mode).join(',');
}

/** The older field holds claims and snapshots; another object in a new claim is dropped without a word. */
function dropOtherSource(spec: PersistentVolumeClaim['spec']): void {
  if (spec.dataSource === undefined || spec.dataSourceRef !== undefined) return;
  const { apiGroup = '', kind } = spec.dataSource;
  const isClaim = apiGroup === '' && kind === 'PersistentVolumeClaim';
  const isSnapshot = apiGroup === 'snapshot.storage.k8s.io' && kind === 'VolumeSnapshot';
  if (!isClaim && !isSnapshot) delete spec.dataSource;
}

/** A claim says its source in both fields: in the newer one any object, in the older one without a namespace. */
function mirrorSources(spec: PersistentVolumeClaim['spec']): void {
  const { dataSource, dataSourceRef } = spec;
  if (dataSource !== undefined) spec.dataSourceRef ??= { ...dataSource };
  else if (dataSourceRef !== undefined && (dataSourceRef.namespace ?? '') === '') {
    const { namespace: _none, ...source } = dataSourceRef;
    spec.dataSource = source;
  }
}

const claimText =
  'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';

function validateClaimUpdate(
  next: PersistentVolumeClaim,
  old: PersistentVolumeClaim,
): FieldError[] {
  const errors: FieldError[] = [];
  const before = { ...old.spec };
  mirrorSources(before);
  const isBinding = (old.spec.volumeName ?? '') === '';
  const probe = {
    ...next.spec,
    volumeName: isBinding ? old.spec.volumeName : next.spec.volumeName,
    resources: { ...next.spec.resources, requests: old.spec.resources?.requests },
    volumeAttributesClassName: old.spec.volumeAttributesClassName,
    storageClassName: next.spec.storageClassName,
  };
  const isClassBackfill = old.spec.storageClassName === undefined;
  if (isClassBackfill) probe.storageClassName = undefined;
  if (!semanticEqual(probe, before)) errors.push(forbidden('spec', claimText));
  const least = parseQuantity(old.spec.resources?.requests?.['storage'] ?? '0');
  const after = parseQuantity(next.spec.resources?.requests?.['storage'] ?? '0');
  if (least === undefined || after === undefined) return errors;
  if (after.compare(least) !== 0 && old.status?.phase !== 'Bound') {
    if (errors.length === 0) errors.push(forbidden('spec', claimText));
  }
  if (after.compare(least) < 0) {
    const text = 'field can not be less than status.capacity';
    errors.push(forbidden('spec.resources.requests.storage', text));
  }
  return [...errors, ...modeErrors(next.spec.volumeMode, old.spec.volumeMode)];
}

function modeErrors(next: string | undefined, old: string | undefined): FieldError[] {
  return next === old ? [] : [invalid('volumeMode', next, 'field is immutable')];
}

function isTerminating(object: { metadata: { deletionTimestamp?: string } }): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}

/** PersistentVolumeClaim. */
export const persistentVolumeClaimKind = defineKind<PersistentVolumeClaim>({
  group: '',
  version: 'v1',
  kind: 'PersistentVolumeClaim',
  plural: 'persistentvolumeclaims',
  shortNames: ['pvc'],
  schema: claimSchema,
  setDefaults: (claim) => {
    claim.status = { ...claim.status, phase: claim.status?.phase ?? 'Pending' };
  },
  prepareCreate: (claim) => {
    claim.status = { phase: 'Pending' };
    dropGatedClaimFields(claim.spec, undefined);
    dropOtherSource(claim.spec);
    mirrorSources(claim.spec);
  },
  prepareUpdate: (claim, old) => {
    dropGatedClaimFields(claim.spec, old.spec);
    mirrorSources(claim.spec);
  },
  validate: ({ spec }, old) => claimSpecErrors(spec, 'spec', old?.spec),
  validateUpdate: validateClaimUpdate,
  columns: [
    nameColumn,
    column<PersistentVolumeClaim>('Status', (claim) =>
      isTerminating(claim) ? 'Terminating' : (claim.status?.phase ?? ''),
    ),
    column<PersistentVolumeClaim>('Volume', ({ spec }) => spec.volumeName ?? ''),
    column<PersistentVolumeClaim>('Capacity', ({ spec, status }) =>
      (spec.volumeName ?? '') === '' ? '' : (status?.capacity?.['storage'] ?? '0'),
    ),
    column<PersistentVolumeClaim>('Access Modes', ({ spec, status }) =>
      (spec.volumeName ?? '') === '' ? '' : modesText(status?.accessModes),
    ),
    column<PersistentVolumeClaim>(
      'StorageClass',
      (claim) => claim.metadata.annotations?.[classAnnotation] ?? claim.spec.storageClassName ?? '',
    ),
    column<PersistentVolumeClaim>('VolumeAttributesClass', ({ spec }) =>
      orText(spec.volumeAttributesClassName, '<unset>'),
    ),
    ageColumn,
    wide<PersistentVolumeClaim>('VolumeMode', ({ spec }) => orText(spec.volumeMode, '<unset>')),
  ],
});

function validateVolume({ spec }: PersistentVolume): FieldError[] {
  const errors: FieldError[] = [];
  if (!spec.accessModes?.length) errors.push(required('spec.accessModes'));
  const storage = spec.capacity?.['storage'];
  if (Object.keys(spec.capacity ?? {}).length === 0) errors.push(required('spec.capacity'));
  if (storage === undefined) {
    errors.push({ field: 'spec.capacity', ...notStorage(spec.capacity ?? {}) });
  } else if ((parseQuantity(storage)?.sign() ?? 1) <= 0) {
    errors.push(invalid(at('spec.capacity', 'storage'), storage, 'must be greater than zero'));
  }
  if (spec.hostPath?.path?.split('/').includes('..') === true) {
    errors.push(invalid('spec.hostPath.path', spec.hostPath.path, "must not contain '..'"));
  }
  if (spec.persistentVolumeReclaimPolicy === 'Recycle' && isRoot(spec.hostPath?.path)) {
    const text = "may not be 'recycle' for a hostPath mount of '/'";
    errors.push(forbidden('spec.persistentVolumeReclaimPolicy', text));
  }
  if (spec.local !== undefined && spec.nodeAffinity === undefined) {
    errors.push(required('spec.nodeAffinity', 'Local volume requires node affinity'));
  }
  return errors;
}

function isRoot(path: string | undefined): boolean {
  return path !== undefined && normalize(`${path}/`) === '/';
}

function notStorage(capacity: Record<string, string>): {
  body: string;
  type: 'FieldValueNotSupported';
} {
  const body = `Unsupported value: ${JSON.stringify(capacity)}: supported values: "storage"`;
  return { body, type: 'FieldValueNotSupported' };
}

const sourceText = 'spec.persistentvolumesource is immutable after creation';
const notSource = new Set([
  'accessModes',
  'capacity',
  'claimRef',
  'mountOptions',
  'nodeAffinity',
  'persistentVolumeReclaimPolicy',
  'storageClassName',
  'volumeAttributesClassName',
  'volumeMode',
]);

function sourceOf(spec: PersistentVolume['spec']): unknown {
  return Object.fromEntries(Object.entries(spec).filter(([name]) => !notSource.has(name)));
}

function validateVolumeUpdate(next: PersistentVolume, old: PersistentVolume): FieldError[] {
  const errors: FieldError[] = [];
  if (!semanticEqual(sourceOf(next.spec), sourceOf(old.spec))) {
    errors.push(forbidden('spec.persistentvolumesource', sourceText));
  }
  errors.push(...modeErrors(next.spec.volumeMode, old.spec.volumeMode));
  if (old.spec.nodeAffinity && !semanticEqual(next.spec.nodeAffinity, old.spec.nodeAffinity)) {
    const text = 'field is immutable, except for updating from beta label to GA';
    errors.push(invalid('nodeAffinity', next.spec.nodeAffinity, text));
  }
  return errors;
}

/** PersistentVolume. */
export const persistentVolumeKind = defineKind<PersistentVolume>({
  group: '',
  version: 'v1',
  kind: 'PersistentVolume',
  plural: 'persistentvolumes',
  shortNames: ['pv'],
  namespaced: false,
  schema: persistentVolumeSchema,
  setDefaults: (volume) => {
    volume.status = { ...volume.status, phase: volume.status?.phase ?? 'Pending' };
  },
  prepareUpdate: ({ spec }, old) => {
    // VolumeAttributesClass: beta, and off in Kubernetes 1.33.
    if (old.spec.volumeAttributesClassName === undefined) delete spec.volumeAttributesClassName;
  },
  prepareCreate: (volume, { now }) => {
    delete volume.spec.volumeAttributesClassName;
    volume.status = { phase: 'Pending', lastPhaseTransitionTime: now };
  },
  validate: validateVolume,
  validateUpdate: validateVolumeUpdate,
  columns: [
    nameColumn,
    column<PersistentVolume>('Capacity', ({ spec }) => spec.capacity?.['storage'] ?? ''),
    column<PersistentVolume>('Access Modes', ({ spec }) => modesText(spec.accessModes)),
    column<PersistentVolume>(
      'Reclaim Policy',
      ({ spec }) => spec.persistentVolumeReclaimPolicy ?? '',
    ),
    column<PersistentVolume>('Status', (volume) =>
      isTerminating(volume) ? 'Terminating' : (volume.status?.phase ?? ''),
    ),
    column<PersistentVolume>('Claim', ({ spec }) =>
      spec.claimRef === undefined
        ? ''
        : `${spec.claimRef.namespace ?? ''}/${spec.claimRef.name ?? ''}`,
    ),
    column<PersistentVolume>('StorageClass', ({ spec }) => spec.storageClassName ?? ''),
    column<PersistentVolume>('VolumeAttributesClass', ({ spec }) =>
      orText(spec.volumeAttributesClassName, '<unset>'),
    ),
    column<PersistentVolume>('Reason', ({ status }) => status?.reason ?? ''),
    ageColumn,
    wide<PersistentVolume>('VolumeMode', ({ spec }) => orText(spec.volumeMode, '<unset>')),
  ],
});

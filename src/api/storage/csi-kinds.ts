/** CSIDriver and CSINode. */
import { defineKind } from '../define.js';
import { semanticEqual } from '../equal.js';
import { at, child, duplicate, invalid, notSupported, required } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { goQuote } from '../go-text/quote.js';
import { GoSyntax } from '../go-text/syntax.js';
import { ageColumn, column, joined, nameColumn, orText } from '../print/columns.js';
import {
  always,
  bool,
  int32,
  int64,
  list,
  listMap,
  req,
  set,
  str,
  strPtr,
  struct,
  tuned,
} from '../schema/dsl.js';
import { kindSchema } from '../schema/meta.js';
import type { Infer } from '../schema/node.js';
import { given } from '../schema/node.js';
import { isNonNegative, isNotEmpty, isQualifiedName, oneOf } from '../validation/checks.js';
import { isDriverName } from '../validation/volumes.js';

const d = 'storage/v1.';
const storage = { group: 'storage.k8s.io', version: 'v1', namespaced: false } as const;

const driverSchema = kindSchema(`${d}CSIDriver`, 'A CSI driver on the cluster.', {
  spec: always(
    struct(`${d}CSIDriverSpec`, 'What the driver can do.', {
      attachRequired: bool('Volumes need attaching.', { default: true }),
      fsGroupPolicy: strPtr('None, File or ReadWriteOnceWithFSType.', {
        default: 'ReadWriteOnceWithFSType',
        checks: [oneOf(['File', 'None', 'ReadWriteOnceWithFSType'])],
      }),
      nodeAllocatableUpdatePeriodSeconds: int64('Seconds between updates of limits.'),
      podInfoOnMount: bool('The driver wants to know the pod.', { default: false }),
      requiresRepublish: bool('Volumes are published again and again.', { default: false }),
      seLinuxMount: bool('Supports SELinux mount options.', { default: false }),
      storageCapacity: bool('The scheduler heeds storage capacity.', { default: false }),
      tokenRequests: list(
        'Tokens that the driver gets.',
        struct(`${d}TokenRequest`, 'A token.', {
          audience: req(tuned(str('For whom.', { default: '' }), { pointer: true })),
          expirationSeconds: int64('Validity in seconds.'),
        }),
      ),
      volumeLifecycleModes: tuned(set('Persistent, Ephemeral.', str('')), {
        default: ['Persistent'],
      }),
    }),
  ),
});

/** CSIDriver as a type. */
export interface CSIDriver extends Infer<typeof driverSchema> {}

const lifecycleModes = ['Persistent', 'Ephemeral'];

function validateDriver({ metadata, spec }: CSIDriver): FieldError[] {
  const errors: FieldError[] = [];
  isDriverName(metadata.name, 'metadata.name', errors);
  for (const mode of spec.volumeLifecycleModes ?? []) {
    if (!lifecycleModes.includes(mode)) {
      errors.push(notSupported('spec.volumeLifecycleModes', mode, lifecycleModes));
    }
  }
  const seen = new Set<string>();
  (spec.tokenRequests ?? []).forEach((request, index) => {
    const { audience = '', expirationSeconds: seconds } = given(request);
    const path = at('spec.tokenRequests', index);
    if (seen.has(audience)) errors.push(duplicate(child(path, 'audience'), audience));
    seen.add(audience);
    if (seconds === undefined) return;
    const here = child(path, 'expirationSeconds');
    if (seconds < leastTokenSeconds) {
      errors.push(invalid(here, seconds, 'may not specify a duration less than 10 minutes'));
    }
    if (seconds > greatestTokenSeconds) {
      errors.push(invalid(here, seconds, 'may not specify a duration larger than 2^32 seconds'));
    }
  });
  return errors;
}

const leastTokenSeconds = 600;
const greatestTokenSeconds = 2 ** 32;

/** Whether volumes are attached, and how they live, stays; the rest may change since 1.29. */
function validateDriverUpdate(next: CSIDriver, old: CSIDriver): FieldError[] {
  const errors: FieldError[] = [];
  for (const name of ['attachRequired', 'volumeLifecycleModes'] as const) {
    if (semanticEqual(next.spec[name], old.spec[name])) continue;
    const path = name === 'attachRequired' ? 'spec.attachedRequired' : `spec.${name}`;
    const modes = (next.spec.volumeLifecycleModes ?? []).map(goQuote).join(', ');
    const value =
      name === 'attachRequired'
        ? next.spec.attachRequired
        : new GoSyntax(`[]storage.VolumeLifecycleMode{${modes}}`);
    errors.push(invalid(path, value, 'field is immutable'));
  }
  return errors;
}

/** CSIDriver. */
export const csiDriverKind = defineKind<CSIDriver>({
  ...storage,
  kind: 'CSIDriver',
  plural: 'csidrivers',
  allowUnconditionalUpdate: false,
  schema: driverSchema,
  validate: validateDriver,
  validateUpdate: validateDriverUpdate,
  prepareUpdate: ({ metadata, spec }, old) => {
    // A new driver has no generation; its changes are counted all the same.
    if (semanticEqual(spec, old.spec)) return;
    metadata.generation = (old.metadata.generation ?? 0) + 1;
  },
  columns: [
    nameColumn,
    column<CSIDriver>('AttachRequired', ({ spec }) => spec.attachRequired ?? true, {
      type: 'boolean',
    }),
    column<CSIDriver>('PodInfoOnMount', ({ spec }) => spec.podInfoOnMount ?? false, {
      type: 'boolean',
    }),
    column<CSIDriver>('StorageCapacity', ({ spec }) => spec.storageCapacity ?? false, {
      type: 'boolean',
    }),
    column<CSIDriver>('TokenRequests', ({ spec }) =>
      orText((spec.tokenRequests ?? []).map((item) => item.audience).join(','), '<unset>'),
    ),
    column<CSIDriver>('RequiresRepublish', ({ spec }) => spec.requiresRepublish ?? false, {
      type: 'boolean',
    }),
    column<CSIDriver>('Modes', ({ spec }) => joined(spec.volumeLifecycleModes)),
    ageColumn,
  ],
});

const maxNodeIdLength = 256;

const csiNodeSchema = kindSchema(`${d}CSINode`, 'The CSI drivers of a node.', {
  spec: always(
    struct(`${d}CSINodeSpec`, 'The drivers.', {
      drivers: req(
        tuned(
          listMap(
            'The drivers.',
            ['name'],
            struct(`${d}CSINodeDriver`, 'A driver.', {
              allocatable: struct(`${d}VolumeNodeResources`, 'Limits of the node.', {
                count: int32('Greatest number of volumes.', { checks: [isNonNegative] }),
              }),
              name: req(
                str('Name of the driver.', {
                  checks: [isNotEmpty, isDriverName],
                  checksEmpty: true,
                }),
              ),
              nodeID: req(
                str('Name of the node at the driver.', {
                  checks: [
                    isNotEmpty,
                    (value, path, errors) => {
                      if (typeof value !== 'string' || value.length <= maxNodeIdLength) return;
                      const text = `must be ${maxNodeIdLength} characters or less`;
                      errors.push(invalid(path, value, text));
                    },
                  ],
                  checksEmpty: true,
                }),
              ),
              topologyKeys: list('Keys of topology.', str('')),
            }),
          ),
          { pointer: true },
        ),
      ),
    }),
  ),
});

/** CSINode as a type. */
export interface CSINode extends Infer<typeof csiNodeSchema> {}

/** Errors of topology keys name the driver, not the key. */
function validateCsiNode({ spec }: CSINode): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  (spec.drivers ?? []).forEach(({ name, topologyKeys = [] }, index) => {
    const path = at('spec.drivers', index);
    if (names.has(name)) errors.push(duplicate(child(path, 'name'), name));
    names.add(name);
    const keys = new Set<string>();
    for (const key of topologyKeys) {
      if (key === '') errors.push(required(path));
      if (keys.has(key)) errors.push(duplicate(path, key));
      keys.add(key);
      isQualifiedName(key, path, errors);
    }
  });
  return errors;
}

/** What a driver has said of itself stays; it may leave and come back. */
function validateCsiNodeUpdate(next: CSINode, old: CSINode): FieldError[] {
  const known = new Map((old.spec.drivers ?? []).map((driver) => [driver.name, driver]));
  return (next.spec.drivers ?? []).flatMap((driver) => {
    const before = known.get(driver.name);
    if (before === undefined || semanticEqual(driver, before)) return [];
    return [invalid('spec.drivers', driver, 'field is immutable')];
  });
}

/** CSINode. */
export const csiNodeKind = defineKind<CSINode>({
  ...storage,
  kind: 'CSINode',
  plural: 'csinodes',
  allowUnconditionalUpdate: false,
  schema: csiNodeSchema,
  validate: validateCsiNode,
  validateUpdate: validateCsiNodeUpdate,
  columns: [
    nameColumn,
    column<CSINode>('Drivers', ({ spec }) => spec.drivers?.length ?? 0, { type: 'integer' }),
    ageColumn,
  ],
});

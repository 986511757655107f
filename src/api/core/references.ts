/** Small core/v1 structs that many kinds use: references and selectors of keys. */
import { bool, flag, req, str, strPtr, struct } from '../schema/dsl.js';

const optional = 'The object or key may be missing.';

/** A reference by name in the same namespace. */
export const localObjectReference = struct(
  'core/v1.LocalObjectReference',
  'Names an object in the same namespace.',
  { name: str('Name of the object.') },
  { atomic: true },
);

/** A reference with all parts. */
export const objectReference = struct(
  'core/v1.ObjectReference',
  'Names any object, or a part of it.',
  {
    apiVersion: str('Group and version of the object.'),
    fieldPath: str('Part of the object, such as spec.containers{name}.'),
    kind: str('Kind of the object.'),
    name: str('Name of the object.'),
    namespace: str('Namespace of the object.'),
    resourceVersion: str('Version of the object.'),
    uid: str('UID of the object.'),
  },
  { atomic: true },
);

/** A reference with a group, in the same namespace. */
export const typedLocalObjectReference = struct(
  'core/v1.TypedLocalObjectReference',
  'Names an object of some kind in the same namespace.',
  {
    apiGroup: strPtr('Group of the object; empty means core.'),
    kind: req(str('Kind of the object.')),
    name: req(str('Name of the object.')),
  },
  { atomic: true },
);

/** A secret with its namespace. */
export const secretReference = struct(
  'core/v1.SecretReference',
  'Names a Secret in any namespace.',
  { name: str('Name of the Secret.'), namespace: str('Namespace of the Secret.') },
  { atomic: true },
);

/** A key of a ConfigMap. */
export const configMapKeySelector = struct(
  'core/v1.ConfigMapKeySelector',
  'One key of a ConfigMap.',
  { key: req(str('The key.')), name: str('Name of the ConfigMap.'), optional: bool(optional) },
  { atomic: true },
);

/** A key of a Secret. */
export const secretKeySelector = struct(
  'core/v1.SecretKeySelector',
  'One key of a Secret.',
  { key: req(str('The key.')), name: str('Name of the Secret.'), optional: bool(optional) },
  { atomic: true },
);

/** A field of the pod. */
export const objectFieldSelector = struct(
  'core/v1.ObjectFieldSelector',
  'A field of the pod.',
  {
    apiVersion: str('Version in which the path is written.', { default: 'v1' }),
    fieldPath: req(str('Path of the field, such as metadata.name.', { checksEmpty: true })),
  },
  { atomic: true },
);

/** A taint's effect on what does not tolerate it. */
export const taintEffects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'] as const;

/** The field `optional` of volume sources: true when the source may be missing. */
export const optionalField = bool(optional);
/** Read-only access, false unless set. */
export const readOnlyField = flag('Mounts the volume read-only.');

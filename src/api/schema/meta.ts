/** Schemas of `meta/v1`: object metadata, label selectors, conditions, status. */
import type { ListMeta, ObjectMeta, TemplateMeta, TypeMeta } from '../object.js';
import { isLabelSelector } from '../validation/checks.js';
import {
  anything,
  bool,
  int64,
  labels,
  list,
  listMap,
  num32,
  num64,
  req,
  set,
  str,
  struct,
  time,
  tuned,
} from './dsl.js';
import type { Fields, InferFields, SchemaNode, Typed } from './node.js';

const prefix = 'io.k8s.apimachinery.pkg.apis.meta.v1';

const ownerReference = struct(
  `${prefix}.OwnerReference`,
  'Names an object that owns this one; when the last owner goes, so does this object.',
  {
    apiVersion: req(str('Group and version of the owner.')),
    blockOwnerDeletion: bool(
      'With foreground deletion, the owner waits until this reference is gone.',
    ),
    controller: bool('True for the one owner that manages this object.'),
    kind: req(str('Kind of the owner.')),
    name: req(str('Name of the owner.')),
    uid: req(str('UID of the owner.')),
  },
  { atomic: true },
);

const managedFieldsEntry = struct(
  `${prefix}.ManagedFieldsEntry`,
  'The fields that one manager set.',
  {
    apiVersion: str('Version of the object in which the field names are written.'),
    fieldsType: str('Format of the field set; only FieldsV1 exists.'),
    fieldsV1: tuned(anything('The field set.'), { definition: `${prefix}.FieldsV1` }),
    manager: str('Name of the manager.'),
    operation: str('Apply or Update.'),
    subresource: str('Subresource through which the fields were set.'),
    time: time('When the entry last changed.'),
  },
);

/** `metadata` of every object. */
export const objectMeta = struct(`${prefix}.ObjectMeta`, 'Data that every stored object has.', {
  annotations: labels('Unstructured notes for tools and people; not used for selection.'),
  creationTimestamp: time(
    'CreationTimestamp is a timestamp: when the server created the object. Read-only.',
  ),
  deletionGracePeriodSeconds: int64(
    'Seconds the object may take to end after its deletion. Read-only.',
  ),
  deletionTimestamp: time(
    'When the object will be deleted; set by a graceful deletion. Read-only.',
  ),
  finalizers: set('Names that must be removed before the object goes.', str(''), {
    strategy: 'merge',
  }),
  generateName: str('Prefix of a name that the server makes unique; used when name is empty.'),
  generation: num64('Number of the desired state; grows with each change of it. Read-only.'),
  labels: labels('Keys and values by which objects are grouped and selected.'),
  // An empty list is kept: it asks for all managers to be forgotten, as one that is missing does not.
  managedFields: tuned(list('Who set which fields; kept by the server.', managedFieldsEntry), {
    pointer: true,
  }),
  name: str('Name, unique among objects of the kind in its namespace. Cannot be changed.'),
  namespace: str('Space in which the name is unique. Cannot be changed.'),
  ownerReferences: listMap('Objects that own this one.', ['uid'], ownerReference),
  resourceVersion: str('Opaque version of the object, for optimistic concurrency. Read-only.'),
  selfLink: str('No longer filled.'),
  uid: str('Unique in time and space; made by the server. Read-only.'),
});

/** Metadata inside of templates. */
export const templateMeta: Typed<TemplateMeta> = objectMeta as SchemaNode;

/** `metadata` of lists. */
export const listMeta: Typed<ListMeta> = struct(`${prefix}.ListMeta`, 'Data that every list has.', {
  continue: str('Token with which the next page is asked for.'),
  remainingItemCount: int64('How many items follow this page, when known.'),
  resourceVersion: str('Version of the list as a whole. Read-only.'),
  selfLink: str('No longer filled.'),
});

const selectorRequirement = struct(
  `${prefix}.LabelSelectorRequirement`,
  'A key, an operator and values.',
  {
    key: req(str('Label key the selector looks at.', { checksEmpty: true })),
    operator: req(str('In, NotIn, Exists or DoesNotExist.', { checksEmpty: true })),
    values: list('Values for In and NotIn; empty for the others.', str('')),
  },
);

/** A query over labels; an empty one selects everything. */
export const labelSelector = struct(
  `${prefix}.LabelSelector`,
  'A query over labels; all its parts must match. An empty selector matches everything.',
  {
    matchExpressions: list('Requirements that must all hold.', selectorRequirement),
    matchLabels: labels('Labels that must be present with these values.'),
  },
  { atomic: true, checks: [isLabelSelector] },
);

/** `meta/v1 Condition`. */
export const condition = struct(`${prefix}.Condition`, 'One aspect of the present state.', {
  lastTransitionTime: req(time('When the status last changed.')),
  message: req(tuned(str('Details for people; may be empty.'), { pointer: true })),
  observedGeneration: num64('Generation on which the condition was set.'),
  reason: req(str('Programmatic identifier of the reason.')),
  status: req(str('True, False or Unknown.')),
  type: req(str('Name of the condition.')),
});

/** A list of `Condition`, keyed by type. */
export function conditions<T>(node: Typed<T>): Typed<T[]> {
  return listMap('Latest observations of the state.', ['type'], node);
}

const groupKind = struct(`${prefix}.StatusCause`, 'One cause of a failure.', {
  field: str('Path of the field that caused the error.'),
  message: str('Description for people.'),
  reason: str('Machine-readable reason.'),
});

/** `Status` as a schema, for OpenAPI documents. */
export const statusSchema = struct(`${prefix}.Status`, 'The result of a call without an object.', {
  apiVersion: str('Version of this representation.'),
  code: num32('Suggested HTTP code.'),
  details: struct(`${prefix}.StatusDetails`, 'Data about the reason.', {
    causes: list('More about the failure.', groupKind),
    group: str('Group of the resource.'),
    kind: str('Kind of the resource.'),
    name: str('Name of the resource.'),
    retryAfterSeconds: num32('Seconds to wait before another try.'),
    uid: str('UID of the resource.'),
  }),
  kind: str('Kind of this representation.'),
  message: str('Description for people.'),
  metadata: listMeta,
  reason: str('Machine-readable reason.'),
  status: str('Success or Failure.'),
});

/** `DeleteOptions` as a schema, for decoding and OpenAPI. */
export const deleteOptions = struct(`${prefix}.DeleteOptions`, 'Options of a deletion.', {
  apiVersion: str('Version of this representation.'),
  dryRun: list('All: nothing is persisted.', str('')),
  gracePeriodSeconds: int64('Seconds before the object is deleted; 0 is at once.'),
  ignoreStoreReadErrorWithClusterBreakingPotential: bool(
    'Deletes objects that cannot be read from the store.',
  ),
  kind: str('Kind of this representation.'),
  orphanDependents: bool('Deprecated: use propagationPolicy.'),
  preconditions: struct(`${prefix}.Preconditions`, 'What must hold for the deletion.', {
    resourceVersion: str('The version that is meant.'),
    uid: str('The UID that is meant.'),
  }),
  propagationPolicy: str('Orphan, Background or Foreground.'),
});

const typeMetaFields = {
  apiVersion: str('Version of the schema of this representation of an object.'),
  kind: str('The REST resource that this object represents.'),
};

/** The root schema of a kind. */
export function kindSchema<F extends Fields>(
  definition: string,
  description: string,
  fields: F,
): Typed<TypeMeta & { metadata: ObjectMeta } & InferFields<F>> {
  const node: SchemaNode = struct(definition, description, {
    ...typeMetaFields,
    metadata: { ...objectMeta, description: "Standard object's metadata.", always: true },
    ...fields,
  });
  return node;
}

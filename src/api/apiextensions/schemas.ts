/** The schema of CustomResourceDefinition. */
import {
  always,
  anything,
  bytes,
  flag,
  int32,
  int64,
  list,
  listMap,
  num32,
  req,
  reqValue,
  str,
  strPtr,
  struct,
  time,
  tuned,
  written,
} from '../schema/dsl.js';
import { kindSchema } from '../schema/meta.js';
import type { Infer } from '../schema/node.js';
import { readJsonSchema } from './json-schema.js';

const d = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.';

const names = struct(`${d}CustomResourceDefinitionNames`, 'Names of the resource.', {
  categories: list('Groups of resources, such as all.', str('')),
  kind: req(str('Name of the kind.', { checksEmpty: true })),
  listKind: str('Name of the list; the kind and List unless set.'),
  plural: req(str('Name in paths.', { checksEmpty: true })),
  shortNames: list('Short names.', str('')),
  singular: str('Singular name; the kind in lower case unless set.'),
});

/** The same names, once they are taken: empty until then, and written all the same. */
const acceptedNames: typeof names = {
  ...names,
  properties: {
    ...names.properties,
    kind: { ...names.properties?.['kind'], type: 'string', pointer: true, default: '' },
    plural: { ...names.properties?.['plural'], type: 'string', pointer: true, default: '' },
  },
};

const version = struct(`${d}CustomResourceDefinitionVersion`, 'A version of the resource.', {
  additionalPrinterColumns: list(
    'Columns of tables.',
    struct(`${d}CustomResourceColumnDefinition`, 'A column.', {
      description: str('Description for people.'),
      format: str('Format of the cells.'),
      jsonPath: req(str('Path of the value.', { checksEmpty: true })),
      name: req(str('Name of the column.', { checksEmpty: true })),
      priority: num32('0 is always shown, others with -o wide.'),
      type: req(str('Type of the cells.', { checksEmpty: true })),
    }),
  ),
  deprecated: flag('Clients are warned.'),
  deprecationWarning: strPtr('Text of the warning.'),
  name: req(str('Name, such as v1.', { checksEmpty: true })),
  schema: struct(`${d}CustomResourceValidation`, 'The schema of objects.', {
    openAPIV3Schema: tuned(anything('A structural schema.'), {
      definition: `${d}JSONSchemaProps`,
      read: readJsonSchema,
    }),
  }),
  selectableFields: list(
    'Fields for field selectors.',
    struct(`${d}SelectableField`, 'A field.', {
      jsonPath: req(str('Path of the field.', { checksEmpty: true })),
    }),
  ),
  served: req(tuned(flag('It is served.', { default: false }), { pointer: true })),
  storage: req(
    tuned(flag('Objects are stored in this version.', { default: false }), { pointer: true }),
  ),
  subresources: struct(`${d}CustomResourceSubresources`, 'Subresources of the version.', {
    scale: struct(`${d}CustomResourceSubresourceScale`, 'The scale subresource.', {
      labelSelectorPath: str('Path of the selector in status.'),
      specReplicasPath: req(str('Path of the wanted number.', { checksEmpty: true })),
      statusReplicasPath: req(str('Path of the present number.', { checksEmpty: true })),
    }),
    status: struct(`${d}CustomResourceSubresourceStatus`, 'The status subresource.', {}),
  }),
});

const conversion = struct(`${d}CustomResourceConversion`, 'How versions are converted.', {
  strategy: req(str('None or Webhook.', { checksEmpty: true })),
  webhook: struct(`${d}WebhookConversion`, 'The webhook.', {
    clientConfig: struct(`${d}WebhookClientConfig`, 'How it is reached.', {
      caBundle: bytes('PEM of the CA.'),
      service: struct(`${d}ServiceReference`, 'A service.', {
        name: req(str('Name of the service.', { checksEmpty: true })),
        namespace: req(str('Namespace of the service.', { checksEmpty: true })),
        path: strPtr('Path of the URL.'),
        port: int32('Port of the service.', { default: 443 }),
      }),
      url: strPtr('URL of the webhook.'),
    }),
    conversionReviewVersions: req(
      tuned(list('Versions that it knows.', str('')), { checksEmpty: true }),
    ),
  }),
});

/** CustomResourceDefinition. */
export const customResourceDefinitionSchema = kindSchema(
  `${d}CustomResourceDefinition`,
  'Defines a kind at run time.',
  {
    spec: always(
      struct(`${d}CustomResourceDefinitionSpec`, 'The kind.', {
        conversion,
        group: req(str('Group of the kind.', { checksEmpty: true })),
        names: reqValue(names),
        preserveUnknownFields: flag('Must be false.'),
        scope: req(str('Cluster or Namespaced.', { checksEmpty: true })),
        versions: req(tuned(list('The versions.', version), { checksEmpty: true })),
      }),
    ),
    status: written(
      struct(`${d}CustomResourceDefinitionStatus`, 'What is known of the definition.', {
        acceptedNames: written(acceptedNames),
        conditions: listMap(
          'State by aspect.',
          ['type'],
          struct(`${d}CustomResourceDefinitionCondition`, 'One aspect of the state.', {
            lastTransitionTime: time('When the status last changed.'),
            message: str('Details for people.'),
            observedGeneration: int64('Generation on which it was set.'),
            reason: str('Reason of the last change.'),
            status: req(str('True, False or Unknown.')),
            type: req(str('Established, NamesAccepted, …')),
          }),
        ),
        observedGeneration: int64('Generation that was looked at.'),
        storedVersions: list('Versions in which objects may be stored.', str('')),
      }),
    ),
  },
);

/** CustomResourceDefinition as a type. */
export interface CustomResourceDefinition extends Infer<typeof customResourceDefinitionSchema> {}

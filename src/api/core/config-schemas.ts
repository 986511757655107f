/** Schemas of the kinds that hold configuration, identity and limits. */
import {
  always,
  bool,
  bytes,
  dict,
  doc,
  list,
  listMap,
  quantities,
  req,
  str,
  struct,
  tuned,
  time,
  written,
} from '../schema/dsl.js';
import { kindSchema } from '../schema/meta.js';
import { localObjectReference, objectReference } from './references.js';

const immutableField = bool('No change of the data is allowed any more.');

/** Namespace. */
export const namespaceSchema = kindSchema('core/v1.Namespace', 'A space for names of objects.', {
  spec: always(
    struct('core/v1.NamespaceSpec', 'What the namespace shall be.', {
      finalizers: list('Who must finish before the namespace goes.', str('')),
    }),
  ),
  status: written(
    struct('core/v1.NamespaceStatus', 'What is known of the namespace.', {
      conditions: listMap(
        'State by aspect.',
        ['type'],
        struct('core/v1.NamespaceCondition', 'One aspect of the state.', {
          lastTransitionTime: time('When the status last changed.'),
          message: str('Details for people.'),
          reason: str('Reason of the last change.'),
          status: req(str('True, False or Unknown.')),
          type: req(str('Type of the condition.')),
        }),
      ),
      phase: str('Active or Terminating.'),
    }),
  ),
});

/** ConfigMap. */
export const configMapSchema = kindSchema('core/v1.ConfigMap', 'Configuration for pods.', {
  binaryData: dict('Binary values, base64.', bytes('')),
  data: dict('Text values.', str('')),
  immutable: immutableField,
});

/** Secret. */
export const secretSchema = kindSchema('core/v1.Secret', 'Secret data for pods.', {
  data: dict('Values, base64.', bytes('')),
  immutable: immutableField,
  stringData: dict('Values as text; merged into data on write, never returned.', str('')),
  type: str('Kind of data, such as kubernetes.io/tls.', { default: 'Opaque' }),
});

/** ServiceAccount. */
export const serviceAccountSchema = kindSchema(
  'core/v1.ServiceAccount',
  'An identity for processes in pods.',
  {
    automountServiceAccountToken: bool('Whether pods get a token.'),
    imagePullSecrets: list('Secrets for pulling images.', localObjectReference),
    secrets: listMap('Secrets that pods of this account may use.', ['name'], objectReference),
  },
);

const scopeSelector = struct(
  'core/v1.ScopeSelector',
  'Selects what a quota counts.',
  {
    matchExpressions: list(
      'Requirements that must all hold.',
      struct('core/v1.ScopedResourceSelectorRequirement', 'A scope, an operator and values.', {
        operator: req(str('In, NotIn, Exists or DoesNotExist.', { checksEmpty: true })),
        scopeName: req(str('Such as PriorityClass or BestEffort.', { checksEmpty: true })),
        values: list('Values.', str('')),
      }),
    ),
  },
  { atomic: true },
);

/** ResourceQuota. */
export const resourceQuotaSchema = kindSchema(
  'core/v1.ResourceQuota',
  'Limits on what a namespace may use altogether.',
  {
    spec: always(
      struct('core/v1.ResourceQuotaSpec', 'The limits.', {
        hard: quantities('Greatest amounts.'),
        scopeSelector,
        scopes: list('What the quota counts.', str('')),
      }),
    ),
    status: written(
      struct('core/v1.ResourceQuotaStatus', 'The usage.', {
        hard: quantities('Limits in force.'),
        used: quantities('Amounts in use.'),
      }),
    ),
  },
);

/** LimitRange. */
export const limitRangeSchema = kindSchema(
  'core/v1.LimitRange',
  'Limits and defaults for each pod, container or claim of a namespace.',
  {
    spec: always(
      struct('core/v1.LimitRangeSpec', 'The limits.', {
        limits: req(
          tuned(
            list(
              'Limits by type.',
              struct('core/v1.LimitRangeItem', 'Limits for one type.', {
                default: quantities('Limit when none is given.'),
                defaultRequest: quantities('Request when none is given.'),
                max: quantities('Greatest amounts.'),
                maxLimitRequestRatio: quantities('Greatest ratio of limit and request.'),
                min: quantities('Least amounts.'),
                type: req(str('Container, Pod or PersistentVolumeClaim.', { checksEmpty: true })),
              }),
            ),
            { checksEmpty: true },
          ),
        ),
      }),
    ),
  },
);

/** Binding. */
export const bindingSchema = kindSchema('core/v1.Binding', 'Ties a pod to a node.', {
  target: req(doc('The node.', objectReference)),
});

/** ComponentStatus. */
export const componentStatusSchema = kindSchema(
  'core/v1.ComponentStatus',
  'Deprecated: health of a part of the control plane.',
  {
    conditions: listMap(
      'Observations.',
      ['type'],
      struct('core/v1.ComponentCondition', 'An observation.', {
        error: str('Error code.'),
        message: str('Details for people.'),
        status: req(str('True, False or Unknown.')),
        type: req(str('Healthy.')),
      }),
    ),
  },
);

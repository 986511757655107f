/** Schemas of the webhook configurations. */
import {
  bytes,
  doc,
  int32,
  list,
  listMap,
  req,
  reqValue,
  str,
  strPtr,
  struct,
  tuned,
} from '../schema/dsl.js';
import { kindSchema, labelSelector } from '../schema/meta.js';
import type { Infer } from '../schema/node.js';
import { isBetween, oneOf } from '../validation/checks.js';

const d = 'admissionregistration/v1.';

const clientConfig = struct(`${d}WebhookClientConfig`, 'How the webhook is reached.', {
  caBundle: bytes('PEM of the CA.'),
  service: struct(`${d}ServiceReference`, 'A service.', {
    name: req(str('Name of the service.', { checksEmpty: true })),
    namespace: req(str('Namespace of the service.', { checksEmpty: true })),
    path: strPtr('Path of the URL.'),
    port: int32('Port of the service.', { default: 443 }),
  }),
  url: strPtr('URL of the webhook.'),
});

const selectorField = (text: string) => ({
  ...doc(text, labelSelector),
  default: {},
});

/** Expressions that must hold for a request to be meant. */
export const matchConditions = listMap(
  'CEL expressions that must hold.',
  ['name'],
  struct(`${d}MatchCondition`, 'A condition.', {
    expression: req(str('The expression.', { checksEmpty: true })),
    name: req(str('Name of the condition.', { checksEmpty: true })),
  }),
);

/** What a rule says of requests. */
export const ruleFields = {
  apiGroups: list('Groups.', str('')),
  apiVersions: list('Versions.', str('')),
  operations: list('CREATE, UPDATE, DELETE, CONNECT or *.', str('')),
  resources: list('Resources.', str('')),
  scope: strPtr('Cluster, Namespaced or *.', { default: '*' }),
};

const commonFields = {
  admissionReviewVersions: req(
    tuned(list('Versions of AdmissionReview that it knows.', str('')), { checksEmpty: true }),
  ),
  clientConfig: reqValue(clientConfig),
  failurePolicy: strPtr('Fail or Ignore.', {
    default: 'Fail',
    checks: [oneOf(['Fail', 'Ignore'])],
  }),
  matchConditions,
  matchPolicy: strPtr('Exact or Equivalent.', {
    default: 'Equivalent',
    checks: [oneOf(['Equivalent', 'Exact'])],
  }),
  name: req(str('Full name of the webhook.')),
  namespaceSelector: selectorField('Namespaces of the objects.'),
  objectSelector: selectorField('Labels of the objects.'),
  rules: list(
    'What it wants to see.',
    struct(`${d}RuleWithOperations`, 'A rule.', {
      ...ruleFields,
    }),
  ),
  sideEffects: req(strPtr('None, NoneOnDryRun.', { checks: [oneOf(['None', 'NoneOnDryRun'])] })),
  timeoutSeconds: int32('Seconds to wait, 1 to 30.', {
    default: 10,
    checks: [isBetween(1, 30, 'the timeout value must be between 1 and 30 seconds')],
  }),
};

/** MutatingWebhookConfiguration. */
export const mutatingSchema = kindSchema(
  `${d}MutatingWebhookConfiguration`,
  'Webhooks that may change.',
  {
    webhooks: listMap(
      'The webhooks.',
      ['name'],
      struct(`${d}MutatingWebhook`, 'A webhook.', {
        ...commonFields,
        reinvocationPolicy: strPtr('Never or IfNeeded.', {
          default: 'Never',
          checks: [oneOf(['IfNeeded', 'Never'])],
        }),
      }),
    ),
  },
);
/** ValidatingWebhookConfiguration. */
export const validatingSchema = kindSchema(
  `${d}ValidatingWebhookConfiguration`,
  'Webhooks that decide.',
  {
    webhooks: listMap(
      'The webhooks.',
      ['name'],
      struct(`${d}ValidatingWebhook`, 'A webhook.', commonFields),
    ),
  },
);

/** MutatingWebhookConfiguration as a type. */
export interface MutatingWebhookConfiguration extends Infer<typeof mutatingSchema> {}
/** ValidatingWebhookConfiguration as a type. */
export interface ValidatingWebhookConfiguration extends Infer<typeof validatingSchema> {}

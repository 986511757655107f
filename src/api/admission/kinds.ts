/** MutatingWebhookConfiguration and ValidatingWebhookConfiguration. */
import { defineKind } from '../define.js';
import { at, child, required } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { ageColumn, column, nameColumn } from '../print/columns.js';
import { bytes, doc, int32, list, listMap, req, str, struct } from '../schema/dsl.js';
import { kindSchema, labelSelector } from '../schema/meta.js';
import type { Infer } from '../schema/node.js';
import { isBetween, isLabelSelector, oneOf } from '../validation/checks.js';

const d = 'admissionregistration/v1.';

const clientConfig = struct(`${d}WebhookClientConfig`, 'How the webhook is reached.', {
  caBundle: bytes('PEM of the CA.'),
  service: struct(`${d}ServiceReference`, 'A service.', {
    name: req(str('Name of the service.')),
    namespace: req(str('Namespace of the service.')),
    path: str('Path of the URL.'),
    port: int32('Port of the service.', { default: 443 }),
  }),
  url: str('URL of the webhook.'),
});

const selectorField = (text: string) => ({
  ...doc(text, labelSelector),
  default: {},
  checks: [isLabelSelector],
});

const commonFields = {
  admissionReviewVersions: req(list('Versions of AdmissionReview that it knows.', str(''))),
  clientConfig: req(clientConfig),
  failurePolicy: str('Fail or Ignore.', { default: 'Fail', checks: [oneOf(['Fail', 'Ignore'])] }),
  matchConditions: listMap(
    'CEL expressions that must hold.',
    ['name'],
    struct(`${d}MatchCondition`, 'A condition.', {
      expression: req(str('The expression.')),
      name: req(str('Name of the condition.')),
    }),
  ),
  matchPolicy: str('Exact or Equivalent.', {
    default: 'Equivalent',
    checks: [oneOf(['Equivalent', 'Exact'])],
  }),
  name: req(str('Full name of the webhook.')),
  namespaceSelector: selectorField('Namespaces of the objects.'),
  objectSelector: selectorField('Labels of the objects.'),
  rules: list(
    'What it wants to see.',
    struct(`${d}RuleWithOperations`, 'A rule.', {
      apiGroups: list('Groups.', str('')),
      apiVersions: list('Versions.', str('')),
      operations: list('CREATE, UPDATE, DELETE, CONNECT or *.', str('')),
      resources: list('Resources.', str('')),
      scope: str('Cluster, Namespaced or *.', { default: '*' }),
    }),
  ),
  sideEffects: req(str('None, NoneOnDryRun.', { checks: [oneOf(['None', 'NoneOnDryRun'])] })),
  timeoutSeconds: int32('Seconds to wait, 1 to 30.', { default: 10, checks: [isBetween(1, 30)] }),
};

const mutatingSchema = kindSchema(`${d}MutatingWebhookConfiguration`, 'Webhooks that may change.', {
  webhooks: listMap(
    'The webhooks.',
    ['name'],
    struct(`${d}MutatingWebhook`, 'A webhook.', {
      ...commonFields,
      reinvocationPolicy: str('Never or IfNeeded.', {
        default: 'Never',
        checks: [oneOf(['IfNeeded', 'Never'])],
      }),
    }),
  ),
});
const validatingSchema = kindSchema(`${d}ValidatingWebhookConfiguration`, 'Webhooks that decide.', {
  webhooks: listMap(
    'The webhooks.',
    ['name'],
    struct(`${d}ValidatingWebhook`, 'A webhook.', commonFields),
  ),
});

/** MutatingWebhookConfiguration as a type. */
export interface MutatingWebhookConfiguration extends Infer<typeof mutatingSchema> {}
/** ValidatingWebhookConfiguration as a type. */
export interface ValidatingWebhookConfiguration extends Infer<typeof validatingSchema> {}

function validate({ webhooks }: ValidatingWebhookConfiguration): FieldError[] {
  return (webhooks ?? []).flatMap(({ clientConfig: config }, index) => {
    const count = [config?.url, config?.service].filter((item) => item !== undefined).length;
    if (count === 1) return [];
    const path = child(at('webhooks', index), 'clientConfig');
    return [required(path, 'exactly one of url or service is required')];
  });
}

const common = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  namespaced: false,
  hasGeneration: true,
  columns: [
    nameColumn,
    column<ValidatingWebhookConfiguration>('Webhooks', ({ webhooks }) => webhooks?.length ?? 0, {
      type: 'integer',
    }),
    ageColumn,
  ],
} as const;

/** MutatingWebhookConfiguration. */
export const mutatingWebhookKind = defineKind<MutatingWebhookConfiguration>({
  ...common,
  kind: 'MutatingWebhookConfiguration',
  plural: 'mutatingwebhookconfigurations',
  schema: mutatingSchema,
  validate,
});

/** ValidatingWebhookConfiguration. */
export const validatingWebhookKind = defineKind<ValidatingWebhookConfiguration>({
  ...common,
  kind: 'ValidatingWebhookConfiguration',
  plural: 'validatingwebhookconfigurations',
  schema: validatingSchema,
  validate,
});

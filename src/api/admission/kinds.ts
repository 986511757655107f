/** MutatingWebhookConfiguration and ValidatingWebhookConfiguration. */
import { defineKind } from '../define.js';
import { expressionLength } from '../cel/kube/expression-length.js';
import { ageColumn, column, nameColumn } from '../print/columns.js';
import { mutatingSchema, validatingSchema } from './schemas.js';
import type { MutatingWebhookConfiguration, ValidatingWebhookConfiguration } from './schemas.js';
import { validateWebhooks } from './validation.js';

const common = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  categories: ['api-extensions'],
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
  validate: validateWebhooks,
  expressionLength,
});

/** ValidatingWebhookConfiguration. */
export const validatingWebhookKind = defineKind<ValidatingWebhookConfiguration>({
  ...common,
  kind: 'ValidatingWebhookConfiguration',
  plural: 'validatingwebhookconfigurations',
  schema: validatingSchema,
  validate: validateWebhooks,
  expressionLength,
});

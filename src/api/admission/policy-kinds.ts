/** ValidatingAdmissionPolicy and ValidatingAdmissionPolicyBinding. */
import { defineKind } from '../define.js';
import { expressionLength } from '../cel/kube/expression-length.js';
import { ageColumn, column, nameColumn } from '../print/columns.js';
import { bindingSchema, policySchema } from './policy-schemas.js';
import type {
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from './policy-schemas.js';
import { validateBinding, validatePolicy } from './policy-validation.js';

const common = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  categories: ['api-extensions'],
  namespaced: false,
  hasGeneration: true,
} as const;

/** ValidatingAdmissionPolicy. */
export const validatingPolicyKind = defineKind<ValidatingAdmissionPolicy>({
  ...common,
  kind: 'ValidatingAdmissionPolicy',
  statusKeeps: 'metadata',
  plural: 'validatingadmissionpolicies',
  singular: 'validatingadmissionpolicy',
  schema: policySchema,
  validate: validatePolicy,
  expressionLength,
  columns: [
    nameColumn,
    column<ValidatingAdmissionPolicy>('Validations', ({ spec }) => spec?.validations?.length ?? 0, {
      type: 'integer',
    }),
    column<ValidatingAdmissionPolicy>('ParamKind', ({ spec }) => {
      const { apiVersion = '', kind = '' } = spec?.paramKind ?? {};
      return spec?.paramKind === undefined ? '<unset>' : `${apiVersion}/${kind}`;
    }),
    ageColumn,
  ],
});

/** ValidatingAdmissionPolicyBinding. */
export const validatingPolicyBindingKind = defineKind<ValidatingAdmissionPolicyBinding>({
  ...common,
  kind: 'ValidatingAdmissionPolicyBinding',
  plural: 'validatingadmissionpolicybindings',
  schema: bindingSchema,
  validate: validateBinding,
  columns: [
    nameColumn,
    column<ValidatingAdmissionPolicyBinding>('PolicyName', ({ spec }) => spec?.policyName ?? ''),
    column<ValidatingAdmissionPolicyBinding>('ParamRef', ({ spec }) => {
      const { paramRef } = spec ?? {};
      if (paramRef === undefined) return '<unset>';
      if ((paramRef.name ?? '') === '') return '*';
      const { namespace = '', name = '' } = paramRef;
      return namespace === '' ? `*/${name}` : `${namespace}/${name}`;
    }),
    ageColumn,
  ],
});

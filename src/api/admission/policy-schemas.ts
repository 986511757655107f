/** Schemas of ValidatingAdmissionPolicy and its binding. */
import {
  doc,
  list,
  listMap,
  num64,
  req,
  str,
  strPtr,
  struct,
  tuned,
  written,
} from '../schema/dsl.js';
import { condition, conditions, kindSchema, labelSelector } from '../schema/meta.js';
import type { Infer } from '../schema/node.js';
import { oneOf } from '../validation/checks.js';
import { matchConditions, ruleFields } from './schemas.js';

const d = 'admissionregistration/v1.';

const namedRule = struct(`${d}NamedRuleWithOperations`, 'A rule, perhaps for some names only.', {
  ...ruleFields,
  resourceNames: list('Names of the objects; empty for all.', str('')),
});

const policies = ['Equivalent', 'Exact'];

const matchResources = struct(`${d}MatchResources`, 'The requests that are meant.', {
  excludeResourceRules: list('Rules of requests that are not meant.', namedRule),
  matchPolicy: strPtr('Exact or Equivalent.', { default: 'Equivalent', checks: [oneOf(policies)] }),
  namespaceSelector: { ...doc('Namespaces of the objects.', labelSelector), default: {} },
  objectSelector: { ...doc('Labels of the objects.', labelSelector), default: {} },
  resourceRules: list('Rules of requests that are meant.', namedRule),
});

const expressionText = (text: string) => str(text, { checksEmpty: true });

/** ValidatingAdmissionPolicy. */
export const policySchema = kindSchema(
  `${d}ValidatingAdmissionPolicy`,
  'Expressions that requests are held against.',
  {
    spec: struct(`${d}ValidatingAdmissionPolicySpec`, 'The expressions, and what they are for.', {
      auditAnnotations: list(
        'Notes for the audit log.',
        struct(`${d}AuditAnnotation`, 'A note.', {
          key: req(expressionText('Key, behind the name of the policy.')),
          valueExpression: req(expressionText('Comes to the text, or to null for none.')),
        }),
      ),
      failurePolicy: strPtr('Fail or Ignore, when an expression fails.', {
        default: 'Fail',
        checks: [oneOf(['Fail', 'Ignore'])],
      }),
      matchConditions,
      matchConstraints: matchResources,
      paramKind: struct(`${d}ParamKind`, 'The kind of the parameters.', {
        apiVersion: str('Group and version.'),
        kind: str('Kind.'),
      }),
      validations: list(
        'What must hold.',
        struct(`${d}Validation`, 'One thing that must hold.', {
          expression: req(expressionText('Comes to true when it holds.')),
          message: str('Said when it does not.'),
          messageExpression: str('Comes to what is said.'),
          reason: strPtr('Reason of the refusal.'),
        }),
      ),
      variables: listMap(
        'Named expressions that others may use.',
        ['name'],
        struct(`${d}Variable`, 'A named expression.', {
          expression: req(expressionText('Comes to the value.')),
          name: req(expressionText('Name, an identifier of CEL.')),
        }),
      ),
    }),
    status: written(
      struct(`${d}ValidatingAdmissionPolicyStatus`, 'What is known of the policy.', {
        conditions: conditions(condition),
        observedGeneration: num64('Generation that was looked at.'),
        typeChecking: struct(`${d}TypeChecking`, 'What the types of the objects say.', {
          expressionWarnings: list(
            'Expressions that cannot hold.',
            struct(`${d}ExpressionWarning`, 'One expression.', {
              fieldRef: req(str('Path of the expression.')),
              warning: req(str('What is wrong with it.')),
            }),
          ),
        }),
      }),
    ),
  },
);

/** ValidatingAdmissionPolicyBinding. */
export const bindingSchema = kindSchema(
  `${d}ValidatingAdmissionPolicyBinding`,
  'Puts a policy into force, with parameters.',
  {
    spec: struct(`${d}ValidatingAdmissionPolicyBindingSpec`, 'The policy, and for what.', {
      matchResources,
      paramRef: struct(`${d}ParamRef`, 'The parameters.', {
        name: str('Name of the one object.'),
        namespace: str("Namespace; that of the request's object when it is not set."),
        parameterNotFoundAction: strPtr('Allow or Deny, when there is none.'),
        selector: doc('Selects the objects by label.', labelSelector),
      }),
      policyName: str('Name of the policy.'),
      validationActions: tuned(list('Deny, Warn, Audit.', str('')), { listType: 'set' }),
    }),
  },
);

/** ValidatingAdmissionPolicy as a type. */
export interface ValidatingAdmissionPolicy extends Infer<typeof policySchema> {}
/** ValidatingAdmissionPolicyBinding as a type. */
export interface ValidatingAdmissionPolicyBinding extends Infer<typeof bindingSchema> {}

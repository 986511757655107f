/** The access reviews: may someone do something? */
import { defineVirtual } from '../define.js';
import { invalid } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { always, dict, doc, flag, list, req, str, struct, bool, written } from '../schema/dsl.js';
import { kindSchema, labelSelector } from '../schema/meta.js';
import type { Infer } from '../schema/node.js';

const d = 'authorization/v1.';
const group = { group: 'authorization.k8s.io', version: 'v1', namespaced: false } as const;
const requirementDescription = 'Requirements on what is listed.';

const resourceAttributes = struct(`${d}ResourceAttributes`, 'An action on a resource.', {
  fieldSelector: struct(`${d}FieldSelectorAttributes`, 'Field selector of the action.', {
    rawSelector: str('The selector as text.'),
    requirements: list(
      requirementDescription,
      struct('io.k8s.apimachinery.pkg.apis.meta.v1.FieldSelectorRequirement', 'A requirement.', {
        key: req(str('The field.')),
        operator: req(str('In, NotIn, Exists or DoesNotExist.')),
        values: list('Values.', str('')),
      }),
    ),
  }),
  group: str('Group of the resource; * is all.'),
  labelSelector: struct(`${d}LabelSelectorAttributes`, 'Label selector of the action.', {
    rawSelector: str('The selector as text.'),
    requirements: list(requirementDescription, {
      ...(labelSelector.properties?.['matchExpressions']?.items ?? { type: 'any' as const }),
    }),
  }),
  name: str('Name of the object; all when empty.'),
  namespace: str('Namespace of the object.'),
  resource: str('The resource; * is all.'),
  subresource: str('The subresource.'),
  verb: str('The verb; * is all.'),
  version: str('Version of the resource; * is all.'),
});
const nonResourceAttributes = struct(`${d}NonResourceAttributes`, 'An action on a URL.', {
  path: str('Path of the URL.'),
  verb: str('The HTTP verb.'),
});

const selfFields = { nonResourceAttributes, resourceAttributes };
const subjectFields = {
  ...selfFields,
  extra: dict('More facts about the user.', list('', str(''))),
  groups: list('Groups of the user.', str('')),
  uid: str('Id of the user.'),
  user: str('Name of the user.'),
};

const status = written(
  struct(`${d}SubjectAccessReviewStatus`, 'The answer.', {
    allowed: req(bool('The action is allowed.')),
    denied: flag('The action is denied for good.'),
    evaluationError: str('What went wrong while deciding.'),
    reason: str('Why.'),
  }),
);

const subjectSpec = struct(`${d}SubjectAccessReviewSpec`, 'The question.', subjectFields);
const subjectSchema = kindSchema(`${d}SubjectAccessReview`, 'May a user do something?', {
  spec: always(subjectSpec),
  status,
});
const localSchema = kindSchema(`${d}LocalSubjectAccessReview`, 'May a user do something here?', {
  spec: always(subjectSpec),
  status,
});
const selfSchema = kindSchema(`${d}SelfSubjectAccessReview`, 'May the caller do something?', {
  spec: always(struct(`${d}SelfSubjectAccessReviewSpec`, 'The question.', selfFields)),
  status,
});

/** SubjectAccessReview as a type; also fits the local one. */
export interface SubjectAccessReview extends Infer<typeof subjectSchema> {}
/** SelfSubjectAccessReview as a type. */
export interface SelfSubjectAccessReview extends Infer<typeof selfSchema> {}

function oneQuestion({ spec }: SelfSubjectAccessReview): FieldError[] {
  const both = spec.resourceAttributes !== undefined && spec.nonResourceAttributes !== undefined;
  const none = spec.resourceAttributes === undefined && spec.nonResourceAttributes === undefined;
  if (both) {
    const text = 'cannot be specified in combination with resourceAttributes';
    return [invalid('spec.nonResourceAttributes', spec.nonResourceAttributes, text)];
  }
  if (!none) return [];
  const text = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
  return [invalid('spec.resourceAttributes', null, text)];
}

/** SubjectAccessReview. */
export const subjectAccessReviewKind = defineVirtual<SubjectAccessReview>({
  ...group,
  kind: 'SubjectAccessReview',
  plural: 'subjectaccessreviews',
  schema: subjectSchema,
  validate: (review) => {
    const errors = oneQuestion(review);
    if ((review.spec.user ?? '') === '' && !review.spec.groups?.length) {
      errors.push(invalid('spec.user', '', 'at least one of user or group must be specified'));
    }
    return errors;
  },
});

/** LocalSubjectAccessReview. */
export const localSubjectAccessReviewKind = defineVirtual<SubjectAccessReview>({
  ...group,
  namespaced: true,
  kind: 'LocalSubjectAccessReview',
  plural: 'localsubjectaccessreviews',
  schema: localSchema,
  validate: oneQuestion,
});

/** SelfSubjectAccessReview. */
export const selfSubjectAccessReviewKind = defineVirtual<SelfSubjectAccessReview>({
  ...group,
  kind: 'SelfSubjectAccessReview',
  plural: 'selfsubjectaccessreviews',
  schema: selfSchema,
  validate: oneQuestion,
});

const rulesSchema = kindSchema(`${d}SelfSubjectRulesReview`, 'What may the caller do here?', {
  spec: always(
    struct(`${d}SelfSubjectRulesReviewSpec`, 'The question.', { namespace: str('The namespace.') }),
  ),
  status: written(
    doc(
      'The rules.',
      struct(`${d}SubjectRulesReviewStatus`, 'The answer.', {
        evaluationError: str('What went wrong while deciding.'),
        incomplete: req(bool('The list may be incomplete.')),
        nonResourceRules: req(
          list(
            'Rules on URLs.',
            struct(`${d}NonResourceRule`, 'A rule.', {
              nonResourceURLs: list('Paths.', str('')),
              verbs: req(list('Verbs.', str(''))),
            }),
          ),
        ),
        resourceRules: req(
          list(
            'Rules on resources.',
            struct(`${d}ResourceRule`, 'A rule.', {
              apiGroups: list('Groups.', str('')),
              resourceNames: list('Names of objects.', str('')),
              resources: list('Resources.', str('')),
              verbs: req(list('Verbs.', str(''))),
            }),
          ),
        ),
      }),
    ),
  ),
});

/** SelfSubjectRulesReview as a type. */
export interface SelfSubjectRulesReview extends Infer<typeof rulesSchema> {}

/** SelfSubjectRulesReview. */
export const selfSubjectRulesReviewKind = defineVirtual<SelfSubjectRulesReview>({
  ...group,
  kind: 'SelfSubjectRulesReview',
  plural: 'selfsubjectrulesreviews',
  schema: rulesSchema,
});

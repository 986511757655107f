/** Schemas of the RBAC group. */
import { list, req, str, struct, tuned } from '../schema/dsl.js';
import { kindSchema, labelSelector } from '../schema/meta.js';

const d = 'rbac/v1.';

/** A rule of a role. */
export const policyRule = struct(`${d}PolicyRule`, 'What may be done with what.', {
  apiGroups: list('Groups; "" is core, * all.', str('')),
  nonResourceURLs: list('URL paths, for cluster roles.', str('')),
  resourceNames: list('Names of objects; all unless set.', str('')),
  resources: list('Resources; * is all.', str('')),
  verbs: req(tuned(list('Verbs; * is all.', str('')), { pointer: true })),
});
const rules = tuned(list('The rules.', policyRule), { pointer: true });

/** Role. */
export const roleSchema = kindSchema(`${d}Role`, 'Rights in a namespace.', { rules });

/** ClusterRole. */
export const clusterRoleSchema = kindSchema(`${d}ClusterRole`, 'Rights in the whole cluster.', {
  aggregationRule: struct(`${d}AggregationRule`, 'Roles whose rules are taken over.', {
    clusterRoleSelectors: list('Selectors of roles.', labelSelector),
  }),
  rules,
});

const bindingFields = {
  // The role's parts are required one by one.
  roleRef: req(
    tuned(
      struct(
        `${d}RoleRef`,
        'The role; cannot be changed.',
        {
          apiGroup: req(tuned(str('Group of the role.'), { pointer: true })),
          kind: req(str('Role or ClusterRole.', { checksEmpty: true })),
          name: req(str('Name of the role.', { checksEmpty: true })),
        },
        { atomic: true },
      ),
      { checksEmpty: true },
    ),
  ),
  subjects: list(
    'Who gets the rights.',
    struct(
      `${d}Subject`,
      'A user, group or service account.',
      {
        apiGroup: str('Group of the subject.'),
        kind: req(str('User, Group or ServiceAccount.', { checksEmpty: true })),
        name: req(str('Name of the subject.')),
        namespace: str('Namespace of a service account.'),
      },
      { atomic: true },
    ),
  ),
};

/** RoleBinding. */
export const roleBindingSchema = kindSchema(
  `${d}RoleBinding`,
  'Gives a role in a namespace.',
  bindingFields,
);

/** ClusterRoleBinding. */
export const clusterRoleBindingSchema = kindSchema(
  `${d}ClusterRoleBinding`,
  'Gives a role in the whole cluster.',
  bindingFields,
);

/** Schemas of flowcontrol.apiserver.k8s.io/v1. */
import {
  always,
  flag,
  int32,
  list,
  listMap,
  num32,
  req,
  set,
  str,
  struct,
  time,
  tuned,
} from '../schema/dsl.js';
import { kindSchema } from '../schema/meta.js';
import type { Infer } from '../schema/node.js';

const f = 'flowcontrol/v1.';

/** Lists whose absence the kind's own checks tell of. */
const own = { checksEmpty: true } as const;

const conditionFields = {
  lastTransitionTime: time('When the status changed last.'),
  message: str('Details for people.'),
  reason: str('One word for programs.'),
  status: str('True, False or Unknown.'),
  type: str('Type of the condition.'),
};

const verbs = req(tuned(set('Verbs; * for all.', str('')), own));

const subject = struct(`${f}Subject`, 'Who asks.', {
  group: struct(`${f}GroupSubject`, 'A group.', { name: req(str('Name; * for all.', own)) }),
  kind: req(str('User, Group or ServiceAccount.', own)),
  serviceAccount: struct(`${f}ServiceAccountSubject`, 'A service account.', {
    name: req(str('Name; * for all.', own)),
    namespace: req(str('Namespace.', own)),
  }),
  user: struct(`${f}UserSubject`, 'A user.', { name: req(str('Name; * for all.', own)) }),
});

const resourceRule = struct(`${f}ResourcePolicyRule`, 'Requests for resources.', {
  apiGroups: req(tuned(set('Groups; * for all.', str('')), own)),
  clusterScope: flag('Requests that name no namespace match.'),
  namespaces: set('Namespaces; * for all.', str('')),
  resources: req(
    tuned(set('Resources, with a slash before a subresource; * for all.', str('')), own),
  ),
  verbs,
});

const nonResourceRule = struct(`${f}NonResourcePolicyRule`, 'Requests for other paths.', {
  nonResourceURLs: req(tuned(set('Paths; * at the end for all below.', str('')), own)),
  verbs,
});

/** FlowSchema. */
export const flowSchemaSchema = kindSchema(`${f}FlowSchema`, 'Assigns requests to a level.', {
  spec: always(
    struct(`${f}FlowSchemaSpec`, 'Which requests, and which level.', {
      distinguisherMethod: struct(
        `${f}FlowDistinguisherMethod`,
        'What makes two requests ones of two flows.',
        { type: req(str('ByUser or ByNamespace.', own)) },
      ),
      matchingPrecedence: num32('Place among the schemas that match; the lowest wins.', {
        default: 1000,
      }),
      priorityLevelConfiguration: always(
        struct(`${f}PriorityLevelConfigurationReference`, 'The level.', {
          name: req(str('Its name.', own)),
        }),
      ),
      rules: list(
        'A request that one of them matches is assigned.',
        struct(`${f}PolicyRulesWithSubjects`, 'Who asks for what.', {
          nonResourceRules: list('Other paths.', nonResourceRule),
          resourceRules: list('Resources.', resourceRule),
          subjects: req(tuned(list('Who.', subject), own)),
        }),
      ),
    }),
  ),
  status: always(
    struct(`${f}FlowSchemaStatus`, 'The present state.', {
      conditions: listMap(
        'Observations.',
        ['type'],
        struct(`${f}FlowSchemaCondition`, 'An observation.', conditionFields),
      ),
    }),
  ),
});

/** FlowSchema as a type. */
export interface FlowSchema extends Infer<typeof flowSchemaSchema> {}

const queuing = struct(`${f}QueuingConfiguration`, 'The queues of a level.', {
  handSize: num32('Queues that one flow may use.', { default: 8 }),
  queueLengthLimit: num32('The longest queue.', { default: 50 }),
  queues: num32('How many there are.', { default: 64 }),
});

const limited = struct(`${f}LimitedPriorityLevelConfiguration`, 'A level with limits.', {
  borrowingLimitPercent: int32('How much it may borrow, of its nominal limit; unset: no bound.'),
  lendablePercent: int32('How much of its nominal limit others may borrow.', { default: 0 }),
  limitResponse: always(
    struct(`${f}LimitResponse`, 'What becomes of a request beyond the limit.', {
      queuing,
      type: req(str('Queue or Reject.', own)),
    }),
  ),
  nominalConcurrencyShares: int32("Its share of the server's concurrency.", { default: 30 }),
});

/** PriorityLevelConfiguration. */
export const priorityLevelSchema = kindSchema(
  `${f}PriorityLevelConfiguration`,
  'A level of requests, with a concurrency of its own.',
  {
    spec: always(
      struct(`${f}PriorityLevelConfigurationSpec`, 'What it may take.', {
        exempt: struct(`${f}ExemptPriorityLevelConfiguration`, 'A level without limits.', {
          lendablePercent: int32('How much of its nominal limit others may borrow.', {
            default: 0,
          }),
          nominalConcurrencyShares: int32('Its share that others may borrow.', { default: 0 }),
        }),
        limited,
        type: req(str('Exempt or Limited.', own)),
      }),
    ),
    status: always(
      struct(`${f}PriorityLevelConfigurationStatus`, 'The present state.', {
        conditions: listMap(
          'Observations.',
          ['type'],
          struct(`${f}PriorityLevelConfigurationCondition`, 'An observation.', conditionFields),
        ),
      }),
    ),
  },
);

/** PriorityLevelConfiguration as a type. */
export interface PriorityLevelConfiguration extends Infer<typeof priorityLevelSchema> {}

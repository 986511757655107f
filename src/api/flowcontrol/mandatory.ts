/** The levels and FlowSchemas that every server needs: who is exempt, and what becomes of all that no other names. */
import type { FlowSchema, PriorityLevelConfiguration } from './schemas.js';

const apiVersion = 'flowcontrol.apiserver.k8s.io/v1';

type Spec = FlowSchema['spec'];
/** What a FlowSchema's rule says. */
export type FlowRule = NonNullable<Spec['rules']>[number];
type FlowSubject = FlowRule['subjects'][number];

/** A level of a name. */
export function priorityLevel(
  name: string,
  spec: PriorityLevelConfiguration['spec'],
): PriorityLevelConfiguration {
  const metadata = { name };
  return { kind: 'PriorityLevelConfiguration', apiVersion, metadata, spec, status: {} };
}

/** A FlowSchema of a name. */
export function flowSchema(
  name: string,
  options: {
    readonly level: string;
    readonly precedence: number;
    readonly method?: 'ByUser' | 'ByNamespace';
    readonly rules: FlowRule[];
  },
): FlowSchema {
  const { level, precedence, method, rules } = options;
  return {
    kind: 'FlowSchema',
    apiVersion,
    metadata: { name },
    spec: {
      ...(method === undefined ? {} : { distinguisherMethod: { type: method } }),
      matchingPrecedence: precedence,
      priorityLevelConfiguration: { name: level },
      rules,
    },
    status: {},
  };
}

/** Subjects by the names of groups. */
export function groupSubjects(...names: readonly string[]): FlowSubject[] {
  return names.map((name) => ({ kind: 'Group', group: { name } }));
}

const everything = {
  resourceRules: [
    { verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], clusterScope: true },
  ],
  nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
};

/** The rule by which everything that these ask for is assigned. */
export function everythingOf(subjects: FlowSubject[]): FlowRule {
  return { ...everything, subjects };
}

const exempt = 'exempt';
const catchAll = 'catch-all';

/** The levels. */
export const mandatoryLevels: readonly PriorityLevelConfiguration[] = [
  priorityLevel(exempt, {
    type: 'Exempt',
    exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 },
  }),
  priorityLevel(catchAll, {
    type: 'Limited',
    limited: {
      nominalConcurrencyShares: 5,
      lendablePercent: 0,
      limitResponse: { type: 'Reject' },
    },
  }),
];

/** The FlowSchemas. */
export const mandatoryFlowSchemas: readonly FlowSchema[] = [
  flowSchema(exempt, {
    level: exempt,
    precedence: 1,
    rules: [everythingOf(groupSubjects('system:masters'))],
  }),
  flowSchema(catchAll, {
    level: catchAll,
    precedence: 10_000,
    method: 'ByUser',
    rules: [everythingOf(groupSubjects('system:unauthenticated', 'system:authenticated'))],
  }),
];

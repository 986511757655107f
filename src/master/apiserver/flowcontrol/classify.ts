/** Finds the FlowSchema of a request, and what makes it one of a flow. Pure. */
import { mandatoryFlowSchemas } from '../../../api/flowcontrol/mandatory.js';
import type { FlowSchema } from '../../../api/types/policy.js';
import type { Attributes } from '../authz/attributes.js';

type Rule = NonNullable<FlowSchema['spec']['rules']>[number];
type Test = (asked: Attributes) => boolean;

/** A FlowSchema with its rules made ready. */
export interface Schema {
  readonly name: string;
  readonly uid: string;
  readonly level: string;
  readonly matches: Test;
  /** What distinguishes flows: the user, the namespace, or nothing. */
  readonly distinguisher: (asked: Attributes) => string;
}

/** Those that refer to a level that is there, the ones that are asked first in front; the mandatory ones always. */
export function compileSchemas(
  objects: readonly FlowSchema[],
  hasLevel: (name: string) => boolean,
): Schema[] {
  const present = new Set(objects.map(({ metadata }) => metadata.name));
  const missing = mandatoryFlowSchemas.filter(({ metadata }) => !present.has(metadata.name));
  return [...objects, ...missing]
    .filter(({ spec }) => hasLevel(spec.priorityLevelConfiguration.name))
    .sort(
      (a, b) =>
        (a.spec.matchingPrecedence ?? 0) - (b.spec.matchingPrecedence ?? 0) ||
        (a.metadata.name < b.metadata.name ? -1 : 1),
    )
    .map(({ metadata, spec }) => ({
      name: metadata.name,
      uid: metadata.uid ?? '',
      level: spec.priorityLevelConfiguration.name,
      matches: anyOf((spec.rules ?? []).map(compileRule)),
      distinguisher: distinguisherOf(spec.distinguisherMethod?.type),
    }));
}

function distinguisherOf(method: string | undefined): Schema['distinguisher'] {
  switch (method) {
    case 'ByUser':
      return ({ user }) => user.name;
    case 'ByNamespace':
      return ({ namespace }) => namespace;
    default:
      return () => '';
  }
}

function anyOf(tests: readonly Test[]): Test {
  return (asked) => tests.some((test) => test(asked));
}

/** A test for membership; `*` is all. */
function among(values: readonly string[] | undefined): (value: string) => boolean {
  const set = new Set(values);
  return set.has('*') ? () => true : (value) => set.has(value);
}

function compileRule({ subjects, resourceRules = [], nonResourceRules = [] }: Rule): Test {
  const who = anyOf(subjects.map(compileSubject));
  const resources = anyOf(resourceRules.map(compileResources));
  const paths = anyOf(nonResourceRules.map(compilePaths));
  return (asked) => who(asked) && (asked.isResource ? resources(asked) : paths(asked));
}

function compileSubject({ kind, user, group, serviceAccount }: Rule['subjects'][number]): Test {
  switch (kind) {
    case 'User': {
      const name = user?.name ?? '';
      return (asked) => name === '*' || asked.user.name === name;
    }
    case 'Group': {
      const name = group?.name ?? '';
      return (asked) => name === '*' || asked.user.groups.includes(name);
    }
    case 'ServiceAccount': {
      const { name = '', namespace = '' } = serviceAccount ?? {};
      const prefix = `system:serviceaccount:${namespace}:`;
      return name === '*'
        ? (asked) => asked.user.name.startsWith(prefix)
        : (asked) => asked.user.name === prefix + name;
    }
    default:
      return () => false;
  }
}

function compileResources(rule: NonNullable<Rule['resourceRules']>[number]): Test {
  const [verbs, groups] = [among(rule.verbs), among(rule.apiGroups)];
  const [resources, namespaces] = [among(rule.resources), among(rule.namespaces)];
  const { clusterScope = false } = rule;
  return ({ verb, group, resource, subresource, namespace }) =>
    verbs(verb) &&
    groups(group) &&
    (namespace === '' ? clusterScope : namespaces(namespace)) &&
    resources(subresource === '' ? resource : `${resource}/${subresource}`);
}

function compilePaths(rule: NonNullable<Rule['nonResourceRules']>[number]): Test {
  const verbs = among(rule.verbs);
  const urls = (rule.nonResourceURLs ?? []).map((url) =>
    url.endsWith('*') ? { prefix: url.slice(0, -1) } : { exact: url },
  );
  return ({ verb, path }) =>
    verbs(verb) &&
    urls.some((url) =>
      url.prefix === undefined ? path === url.exact : path.startsWith(url.prefix),
    );
}

/** Checks of FlowSchemas and levels, with the texts of Kubernetes' `pkg/apis/flowcontrol/validation`. */
import { at, child, forbidden, invalid, notSupported, required } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { goQuote } from '../go-text/quote.js';
import { GoSyntax, goStrings } from '../go-text/syntax.js';
import type { Given } from '../schema/node.js';
import { given } from '../schema/node.js';
import { dnsLabel, dnsSubdomain } from '../validation/names.js';
import type { FlowSchema, PriorityLevelConfiguration } from './schemas.js';

const every = '*';
const maxPrecedence = 10_000;
const distinguishers = ['ByNamespace', 'ByUser'];
const knownVerbs = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'proxy',
  'update',
  'watch',
];

type Reference = FlowSchema['spec']['priorityLevelConfiguration'];
/** What is required may be missing all the same: it is what the checks are about. */
type Rule = NonNullable<FlowSchema['spec']['rules']>[number];
type PathRule = NonNullable<Rule['nonResourceRules']>[number];
type Subject = NonNullable<Rule['subjects']>[number];

/** Checks a FlowSchema's spec. */
export function flowSchemaErrors(name: string, spec: FlowSchema['spec']): FieldError[] {
  const errors: FieldError[] = [];
  const { matchingPrecedence: precedence = 0, distinguisherMethod: method } = spec;
  const path = 'spec.matchingPrecedence';
  const refuse = (text: string): unknown => errors.push(invalid(path, precedence, text));
  if (precedence <= 0) refuse('must be a positive value');
  if (precedence > maxPrecedence) refuse(`must not be greater than ${maxPrecedence}`);
  if (precedence === 1 && name !== 'exempt') {
    refuse("only the schema named 'exempt' may have matchingPrecedence 1");
  }
  if (method !== undefined && !distinguishers.includes(method.type)) {
    const { type = '' } = given(method);
    const value = new GoSyntax(`flowcontrol.FlowDistinguisherMethod{Type:${goQuote(type)}}`);
    errors.push(notSupported('spec.distinguisherMethod.type', value, distinguishers));
  }
  const reference: Partial<Reference> = spec.priorityLevelConfiguration;
  const level = reference.name ?? '';
  const levelPath = 'spec.priorityLevelConfiguration.name';
  if (level === '') errors.push(required(levelPath, 'must reference a priority level'));
  else for (const text of dnsSubdomain(level)) errors.push(invalid(levelPath, level, text));
  (spec.rules ?? []).forEach((rule, index) => checkRule(rule, at('spec.rules', index), errors));
  return errors;
}

function checkRule(rule: Partial<Rule>, path: FieldPath, errors: FieldError[]): void {
  const { subjects = [], resourceRules = [], nonResourceRules = [] } = rule;
  if (subjects.length === 0) {
    errors.push(required(child(path, 'subjects'), 'subjects must contain at least one value'));
  }
  subjects.forEach((subject, index) =>
    checkSubject(subject, at(child(path, 'subjects'), index), errors),
  );
  if (resourceRules.length === 0 && nonResourceRules.length === 0) {
    const text = 'at least one of resourceRules and nonResourceRules has to be non-empty';
    errors.push(required(path, text));
  }
  resourceRules.forEach((part, index) =>
    checkResources(part, at(child(path, 'resourceRules'), index), errors),
  );
  nonResourceRules.forEach((part: Partial<PathRule>, index) => {
    const here = at(child(path, 'nonResourceRules'), index);
    checkVerbs(part.verbs ?? [], here, errors);
    checkPaths(part.nonResourceURLs ?? [], child(here, 'nonResourceURLs'), errors);
  });
}

const subjectFields = { User: 'user', Group: 'group', ServiceAccount: 'serviceAccount' } as const;
type SubjectKind = keyof typeof subjectFields;

function checkSubject(subject: Subject, path: FieldPath, errors: FieldError[]): void {
  const kinds = Object.keys(subjectFields) as SubjectKind[];
  const kind = kinds.find((known) => known === subject.kind);
  if (kind === undefined) {
    errors.push(notSupported(child(path, 'kind'), given(subject).kind ?? '', kinds.sort()));
    return;
  }
  for (const [of, name] of Object.entries(subjectFields)) {
    if (of === kind || subject[name] === undefined) continue;
    const text = `${name} is forbidden when subject kind is not '${of}'`;
    errors.push(forbidden(child(path, name), text));
  }
  const field = subjectFields[kind];
  const here = child(path, field);
  const named = subject[field];
  if (named === undefined) {
    errors.push(required(here, `${field} is required when subject kind is '${kind}'`));
  } else if ((given(named).name ?? '') === '') {
    errors.push(required(child(here, 'name')));
  }
  if (kind === 'ServiceAccount' && subject.serviceAccount !== undefined) {
    checkAccount(subject.serviceAccount, here, errors);
  }
}

function checkAccount(
  { name = '', namespace = '' }: Given<NonNullable<Subject['serviceAccount']>>,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (name !== '' && name !== every) {
    for (const text of dnsSubdomain(name)) errors.push(invalid(child(path, 'name'), name, text));
  }
  if (namespace === '') {
    const text = 'must specify namespace for service account';
    errors.push(required(child(path, 'namespace'), text));
    return;
  }
  for (const text of dnsLabel(namespace)) {
    errors.push(invalid(child(path, 'namespace'), namespace, text));
  }
}

const eachNamespace = "each member of this list must be '*' or a DNS-1123 label";

function checkResources(
  rule: Partial<NonNullable<Rule['resourceRules']>[number]>,
  path: FieldPath,
  errors: FieldError[],
): void {
  const { namespaces = [], clusterScope = false } = rule;
  checkVerbs(rule.verbs ?? [], path, errors);
  const lists = [
    ['apiGroups', rule.apiGroups ?? [], 'api group', 'api groups'],
    ['resources', rule.resources ?? [], 'resource', 'resources'],
  ] as const;
  for (const [field, values, one, many] of lists) {
    const here = child(path, field);
    if (values.length === 0) {
      errors.push(required(here, `resource rules must supply at least one ${one}`));
    }
    checkEvery(values, here, many, errors);
  }
  const here = child(path, 'namespaces');
  if (namespaces.length === 0 && !clusterScope) {
    const text = 'resource rules that are not cluster scoped must supply at least one namespace';
    errors.push(required(here, text));
  }
  checkEvery(namespaces, here, 'namespaces', errors);
  namespaces.forEach((namespace, index) => {
    if (namespace === every) return;
    for (const text of dnsLabel(namespace)) {
      errors.push(invalid(at(here, index), namespace, `${eachNamespace}; ${text}`));
    }
  });
}

function checkVerbs(verbs: readonly string[], path: FieldPath, errors: FieldError[]): void {
  const here = child(path, 'verbs');
  if (verbs.length === 0) errors.push(required(here, 'verbs must contain at least one value'));
  else if (verbs.includes(every)) checkEvery(verbs, here, 'verbs', errors);
  else if (verbs.some((verb) => !knownVerbs.includes(verb))) {
    errors.push(notSupported(here, new GoSyntax(goStrings(verbs)), knownVerbs));
  }
}

function checkPaths(urls: readonly string[], path: FieldPath, errors: FieldError[]): void {
  if (urls.length === 0) {
    errors.push(required(path, 'nonResourceURLs must contain at least one value'));
  }
  checkEvery(urls, path, 'non-resource URLs', errors);
  urls.forEach((url, index) => {
    const text = urlFault(url);
    if (text !== undefined) errors.push(invalid(at(path, index), url, text));
  });
}

function urlFault(url: string): string | undefined {
  if (url === '') return 'must not be empty';
  if (url === '/' || url === every) return undefined;
  if (!url.startsWith('/')) return 'must start with slash';
  if (url.includes(' ')) return 'must not contain white-space';
  if (url.includes('//')) return 'must not contain double slash';
  const star = url.indexOf(every);
  if (star < 0) return undefined;
  if (star !== url.length - 1) return 'wildcard can only do suffix matching';
  return url.endsWith('/*') ? undefined : 'wildcard can only do suffix matching';
}

function checkEvery(
  values: readonly string[],
  path: FieldPath,
  what: string,
  errors: FieldError[],
): void {
  if (values.length <= 1 || !values.includes(every)) return;
  const shown = new GoSyntax(goStrings(values));
  errors.push(invalid(path, shown, `if '*' is present, must not specify other ${what}`));
}

type LevelSpec = PriorityLevelConfiguration['spec'];

/** Checks a level's spec. */
export function priorityLevelErrors(name: string, spec: LevelSpec): FieldError[] {
  const errors: FieldError[] = [];
  const { type = '' } = given(spec);
  if ((name === 'exempt') !== (spec.type === 'Exempt')) {
    const text = "type must be 'Exempt' if and only if name is 'exempt'";
    errors.push(invalid('spec.type', type, text));
  }
  if (spec.type === 'Exempt') {
    if (spec.limited !== undefined) {
      errors.push(forbidden('spec.limited', 'must be nil if the type is not Limited'));
    }
    checkShares(spec.exempt ?? {}, 'spec.exempt', errors);
  } else if (spec.type === 'Limited') {
    if (spec.exempt !== undefined) {
      errors.push(forbidden('spec.exempt', 'must be nil if the type is Limited'));
    }
    if (spec.limited === undefined) {
      errors.push(required('spec.limited', 'must not be empty when type is Limited'));
    } else checkLimited(spec.limited, errors);
  } else errors.push(notSupported('spec.type', type, ['Exempt', 'Limited']));
  return errors;
}

function checkShares(
  {
    nominalConcurrencyShares: shares = 0,
    lendablePercent: lendable = 0,
  }: { nominalConcurrencyShares?: number | undefined; lendablePercent?: number | undefined },
  path: FieldPath,
  errors: FieldError[],
): void {
  if (shares < 0) {
    const text = 'must be a non-negative integer';
    errors.push(invalid(child(path, 'nominalConcurrencyShares'), shares, text));
  }
  if (lendable < 0 || lendable > 100) {
    const text = 'must be between 0 and 100, inclusive';
    errors.push(invalid(child(path, 'lendablePercent'), lendable, text));
  }
}

function checkLimited(limited: NonNullable<LevelSpec['limited']>, errors: FieldError[]): void {
  checkShares(limited, 'spec.limited', errors);
  const { borrowingLimitPercent: borrowing, limitResponse } = limited;
  if (borrowing !== undefined && borrowing < 0) {
    const text = 'if specified, must be a non-negative integer';
    errors.push(invalid('spec.limited.borrowingLimitPercent', borrowing, text));
  }
  const { type = '', queuing } = given(limitResponse);
  const path = 'spec.limited.limitResponse';
  if (type === 'Reject') {
    if (queuing !== undefined) {
      const text = 'must be nil if limited.limitResponse.type is not Limited';
      errors.push(forbidden(child(path, 'queuing'), text));
    }
  } else if (type === 'Queue') {
    if (queuing === undefined) {
      const text = 'must not be empty if limited.limitResponse.type is Limited';
      errors.push(required(child(path, 'queuing'), text));
    } else checkQueuing(queuing, child(path, 'queuing'), errors);
  } else errors.push(notSupported(child(path, 'type'), type, ['Queue', 'Reject']));
}

const maxQueues = 10_000_000;
const maxHashBits = 60;

function checkQueuing(
  queuing: {
    queues?: number | undefined;
    handSize?: number | undefined;
    queueLengthLimit?: number | undefined;
  },
  path: FieldPath,
  errors: FieldError[],
): void {
  const { queues = 0, handSize = 0, queueLengthLimit = 0 } = queuing;
  const positive = { queueLengthLimit, queues, handSize };
  for (const [field, value] of Object.entries(positive)) {
    if (value <= 0) errors.push(invalid(child(path, field), value, 'must be positive'));
  }
  if (queues > maxQueues) {
    errors.push(invalid(child(path, 'queues'), queues, `must not be greater than ${maxQueues}`));
  }
  const here = child(path, 'handSize');
  if (handSize > queues) {
    const text = `should not be greater than queues (${queues})`;
    errors.push(invalid(here, handSize, text));
    return;
  }
  let bits = 0;
  for (let dealt = 0; dealt < Math.min(handSize, maxHashBits + 1); dealt++) {
    bits += Math.log2(queues - dealt);
  }
  if (Math.ceil(bits) > maxHashBits) {
    const text =
      `required entropy bits of deckSize ${queues} and handSize ${handSize} ` +
      `should not be greater than ${maxHashBits}`;
    errors.push(invalid(here, handSize, text));
  }
}

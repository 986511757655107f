/** The validation of access reviews (kubernetes pkg/apis/authorization/validation). */
import type { FieldError } from '../../../api/field-error.js';
import { at, forbidden, invalid, required } from '../../../api/field-error.js';
import type { KubeObject } from '../../../api/object.js';
import { labelValueErrors, qualifiedNameErrors } from '../../../api/validation/names.js';
import { parseLabelSelector, SelectorError } from '../../../api/facts/selector-text.js';
import { parseTerms } from '../../../api/facts/field-terms.js';
import { goQuote } from '../../../api/go-text/quote.js';

interface SelectorRequirement {
  readonly key?: string;
  readonly operator?: string;
  readonly values?: readonly string[];
}

/** A selector by which a list or watch that is asked about is narrowed. */
interface SelectorAttributes {
  readonly rawSelector?: string;
  readonly requirements?: readonly SelectorRequirement[];
}

/** What is to be done with which resource. */
export interface ResourceAttributes {
  readonly group?: string;
  readonly version?: string;
  readonly resource?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly verb?: string;
  readonly fieldSelector?: SelectorAttributes;
  readonly labelSelector?: SelectorAttributes;
}

/** The parts of all reviews' specs. */
export interface ReviewSpec {
  readonly resourceAttributes?: ResourceAttributes;
  readonly nonResourceAttributes?: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly groups?: readonly string[];
  readonly uid?: string;
  readonly extra?: Readonly<Record<string, readonly string[]>>;
  readonly namespace?: string;
  readonly token?: string;
  readonly audiences?: readonly string[];
}

/** Any review. */
export interface Review extends KubeObject {
  spec?: ReviewSpec;
  status?: unknown;
}

const selectorsPath = 'spec.resourceAttributes';

/** Checks the selectors of a question about a list or watch. */
function checkSelectors(asked: ResourceAttributes | undefined): FieldError[] {
  return [
    ...checkSelector(asked?.fieldSelector, `${selectorsPath}.fieldSelector`, false),
    ...checkSelector(asked?.labelSelector, `${selectorsPath}.labelSelector`, true),
  ];
}

function checkSelector(
  selector: SelectorAttributes | undefined,
  path: string,
  isOfLabels: boolean,
): FieldError[] {
  if (selector === undefined) return [];
  const { rawSelector = '', requirements = [] } = selector;
  const errors: FieldError[] = [];
  if (rawSelector !== '' && requirements.length > 0) {
    const text = 'may not specified at the same time as requirements';
    errors.push(invalid(`${path}.rawSelector`, rawSelector, text));
  }
  if (rawSelector === '' && requirements.length === 0) {
    const text = `when ${path} is specified, requirements or rawSelector is required`;
    errors.push(required(`${path}.requirements`, text));
  }
  requirements.forEach((requirement, index) => {
    errors.push(...checkRequirement(requirement, at(`${path}.requirements`, index), isOfLabels));
  });
  return errors;
}

/** Operators that a newer client may know are let through. */
function checkRequirement(
  { key = '', operator, values = [] }: SelectorRequirement,
  path: string,
  isOfLabels: boolean,
): FieldError[] {
  const errors: FieldError[] = [];
  const hasValues = values.length > 0;
  if ((operator === 'In' || operator === 'NotIn') && !hasValues) {
    const text = "must be specified when `operator` is 'In' or 'NotIn'";
    errors.push(required(`${path}.values`, text));
  }
  if ((operator === 'Exists' || operator === 'DoesNotExist') && hasValues) {
    const text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
    errors.push(forbidden(`${path}.values`, text));
  }
  if (!isOfLabels) {
    if (key === '') errors.push(required(`${path}.key`, 'must be specified'));
    return errors;
  }
  errors.push(...qualifiedNameErrors(key).map((text) => invalid(`${path}.key`, key, text)));
  values.forEach((value, index) => {
    const field = at(`${path}.values`, index);
    errors.push(...labelValueErrors(value).map((text) => invalid(field, value, text)));
  });
  return errors;
}

/** What is said of selectors that are given as text and cannot be read: the question is answered without them. */
export function unreadSelectors(asked: ResourceAttributes | undefined): string {
  const problems: string[] = [];
  const { rawSelector: fields = '' } = asked?.fieldSelector ?? {};
  if (parseTerms(fields) === undefined) {
    problems.push(`${selectorsPath}.fieldSelector ignored due to parse error`);
  }
  try {
    parseLabelSelector(asked?.labelSelector?.rawSelector ?? '');
  } catch (error) {
    if (!(error instanceof SelectorError)) throw error;
    problems.push(`${selectorsPath}.labelSelector ignored due to parse error`);
  }
  return problems.join('; ');
}

/** Fields of metadata that every object comes with and that say nothing. */
const emptyMetadata = new Set(['creationTimestamp', 'managedFields']);

/** Go's `%#v` of a path and a verb. */
function goText(other: Readonly<Record<string, string>>): string {
  const path = goQuote(other['path'] ?? '');
  const verb = goQuote(other['verb'] ?? '');
  return `authorization.NonResourceAttributes{Path:${path}, Verb:${verb}}`;
}

function invalidOther(
  field: string,
  other: Readonly<Record<string, string>>,
  detail: string,
): FieldError {
  return {
    type: 'FieldValueInvalid',
    field,
    body: `Invalid value: ${goText(other)}: ${detail}`,
  };
}

function checkAttributes({ resourceAttributes, nonResourceAttributes }: ReviewSpec): FieldError[] {
  if (resourceAttributes !== undefined && nonResourceAttributes !== undefined) {
    const text = 'cannot be specified in combination with resourceAttributes';
    return [invalidOther('spec.nonResourceAttributes', nonResourceAttributes, text)];
  }
  if (resourceAttributes !== undefined || nonResourceAttributes !== undefined) return [];
  const text = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
  return [invalid('spec.resourceAttributes', 'null', text)];
}

function checkMetadata(
  { metadata }: Review,
  except: readonly string[],
  text: string,
): FieldError[] {
  const given = Object.entries(metadata).some(
    ([field, value]) => !emptyMetadata.has(field) && !except.includes(field) && !isEmpty(value),
  );
  return given ? [invalid('metadata', metadata, text)] : [];
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === '' || value === 0;
}

function checkSubject(spec: ReviewSpec): FieldError[] {
  const errors = checkAttributes(spec);
  if ((spec.user ?? '') === '' && (spec.groups?.length ?? 0) === 0) {
    const text = 'at least one of user or group must be specified';
    errors.push(invalid('spec.user', spec.user ?? '', text));
  }
  return [...errors, ...checkSelectors(spec.resourceAttributes)];
}

/** Validates a SelfSubjectAccessReview; returns its errors by field. */
export function checkSelfReview(review: Review): readonly FieldError[] {
  const spec = review.spec ?? {};
  return [
    ...checkAttributes(spec),
    ...checkSelectors(spec.resourceAttributes),
    ...checkMetadata(review, [], 'must be empty'),
  ];
}

/** Validates a SubjectAccessReview; returns its errors by field. */
export function checkSubjectReview(review: Review): readonly FieldError[] {
  return [...checkSubject(review.spec ?? {}), ...checkMetadata(review, [], 'must be empty')];
}

/** Checks that a local review asks about its own namespace only. */
export function checkLocalReview(review: Review): readonly FieldError[] {
  const { spec = {}, metadata } = review;
  const errors = checkSubject(spec);
  errors.push(...checkMetadata(review, ['namespace'], 'must be empty except for namespace'));
  const { resourceAttributes, nonResourceAttributes } = spec;
  const asked = resourceAttributes?.namespace ?? '';
  if (resourceAttributes !== undefined && asked !== (metadata.namespace ?? '')) {
    const text = 'must match metadata.namespace';
    errors.push(invalid('spec.resourceAttributes.namespace', asked, text));
  }
  if (nonResourceAttributes !== undefined) {
    const text = 'disallowed on this kind of request';
    errors.push(invalidOther('spec.nonResourceAttributes', nonResourceAttributes, text));
  }
  return errors;
}

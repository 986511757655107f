/** The validation of access reviews (kubernetes pkg/apis/authorization/validation). */
import type { FieldError } from '../../../api/field-error.js';
import { invalid } from '../../../api/field-error.js';
import type { KubeObject } from '../../../api/object.js';
import { goQuote } from '../../../api/go-text/quote.js';

/** The parts of all reviews' specs. */
export interface ReviewSpec {
  readonly resourceAttributes?: Readonly<Record<string, string>>;
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
  return errors;
}

/** Validates a SelfSubjectAccessReview; returns its errors by field. */
export function checkSelfReview(review: Review): readonly FieldError[] {
  return [...checkAttributes(review.spec ?? {}), ...checkMetadata(review, [], 'must be empty')];
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
  const asked = resourceAttributes?.['namespace'] ?? '';
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

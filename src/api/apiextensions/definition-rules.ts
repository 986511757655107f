/** The validation of definitions beside their schemas (Kubernetes' `apiextensions/validation`). */
import type { Effort } from '../cel/effort.js';
import { semanticEqual } from '../equal.js';
import { at, child, forbidden, invalid, notSupported, required } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { isJsonObject } from '../object.js';
import { given } from '../schema/node.js';
import { dns1035Label, dnsSubdomain } from '../validation/names.js';
import { checkReviewVersions, checkWebhookAddress } from '../validation/webhooks.js';
import type { CustomResourceDefinition } from './schemas.js';
import { approvalAnnotation, approvalOf } from './approval.js';
import { withDoubleBounds } from './bounds.js';
import { checkRules } from './rule-checks.js';
import { checkSelectableFields } from './selectable-rules.js';
import { checkStructure } from './structural-rules.js';
import { checkRootFields } from './unsupported-rules.js';

type Spec = CustomResourceDefinition['spec'];
type Version = Spec['versions'][number];
type Column = NonNullable<Version['additionalPrinterColumns']>[number];

function checkLabel(
  value: string,
  path: FieldPath,
  options: { readonly mixedCase: boolean },
  errors: FieldError[],
): void {
  const problems = dns1035Label(options.mixedCase ? value.toLowerCase() : value);
  if (problems.length === 0) return;
  const detail = problems.join(',');
  const hint = 'may have mixed case, but should otherwise match: ';
  errors.push(invalid(path, value, options.mixedCase ? `${hint}${detail}` : detail));
}

function checkNames(names: Spec['names'] | undefined, errors: FieldError[]): void {
  const path = 'spec.names';
  const parts = given(names ?? ({} as Spec['names']));
  for (const name of ['plural', 'singular', 'kind', 'listKind'] as const) {
    const value = parts[name] ?? '';
    const mixedCase = name === 'kind' || name === 'listKind';
    if (value === '') errors.push(required(child(path, name)));
    else checkLabel(value, child(path, name), { mixedCase }, errors);
  }
  if (parts.kind !== undefined && parts.kind === parts.listKind) {
    const text = 'kind and listKind may not be the same';
    errors.push(invalid(child(path, 'listKind'), parts.listKind, text));
  }
  for (const name of ['shortNames', 'categories'] as const) {
    (parts[name] ?? []).forEach((value, index) => {
      checkLabel(value, at(child(path, name), index), { mixedCase: false }, errors);
    });
  }
}

const columnTypes = ['boolean', 'date', 'integer', 'number', 'string'];
const columnFormats = [
  'byte',
  'date',
  'date-time',
  'double',
  'float',
  'int32',
  'int64',
  'password',
];

function checkColumn(item: Column, path: FieldPath, errors: FieldError[]): void {
  const { name = '', type = '', format = '', jsonPath = '' } = given(item);
  if (name === '') errors.push(required(child(path, 'name')));
  const types = `must be one of ${columnTypes.join(',')}`;
  if (type === '') errors.push(required(child(path, 'type'), types));
  else if (!columnTypes.includes(type)) errors.push(invalid(child(path, 'type'), type, types));
  if (format !== '' && !columnFormats.includes(format)) {
    const text = `must be one of ${columnFormats.join(',')}`;
    errors.push(invalid(child(path, 'format'), format, text));
  }
  const here = child(path, 'JSONPath');
  if (jsonPath === '') errors.push(required(here));
  else checkPath(jsonPath, here, errors);
}

/** @returns false for a path that is none */
function checkPath(text: string, path: FieldPath, errors: FieldError[]): boolean {
  if (text.startsWith('.')) return true;
  errors.push(invalid(path, text, 'must be a simple json path starting with .'));
  return false;
}

function checkSubresources(
  subresources: Version['subresources'],
  path: FieldPath,
  errors: FieldError[],
): void {
  const scale = subresources?.scale;
  if (scale === undefined) return;
  const rules = [
    ['specReplicasPath', ['.spec.'], 'should be a json path under .spec'],
    ['statusReplicasPath', ['.status.'], 'should be a json path under .status'],
    [
      'labelSelectorPath',
      ['.spec.', '.status.'],
      'should be a json path under either .spec or .status',
    ],
  ] as const;
  for (const [name, beginnings, text] of rules) {
    const value = given(scale)[name] ?? '';
    const here = child(path, `scale.${name}`);
    if (value === '') {
      if (name !== 'labelSelectorPath') errors.push(required(here));
    } else if (checkPath(value, here, errors)) {
      const isBelow = beginnings.some((beginning) => value.startsWith(beginning));
      if (!isBelow) errors.push(invalid(here, value, text));
    }
  }
}

const maxWarningLength = 256;

function checkWarning(
  { deprecated, deprecationWarning }: Version,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (deprecationWarning === undefined) return;
  const here = child(path, 'deprecationWarning');
  const refuse = (text: string): void => {
    errors.push(invalid(here, deprecationWarning, text));
  };
  if (deprecated !== true) {
    refuse('can only be set for deprecated versions');
    return;
  }
  if (deprecationWarning.length > maxWarningLength) refuse('must be <= 256 characters long');
  if (deprecationWarning === '') refuse('must not be an empty string');
  const index = deprecationWarning.search(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u);
  if (index >= 0) {
    const text = `must only contain printable UTF-8 characters; non-printable character found at index ${index}`;
    refuse(text);
  }
}

/**
 * True for a part that all versions have alike. Kubernetes lifts it to the top of the definition, and names it there in
 * errors: with one version that is every part.
 */
function isLifted(versions: readonly Version[], read: (version: Version) => unknown): boolean {
  const [first] = versions;
  if (first === undefined || read(first) === undefined) return false;
  return versions.every((version) => {
    const part = read(version);
    return part !== undefined && semanticEqual(part, read(first));
  });
}

function checkVersions(
  versions: readonly Version[],
  errors: FieldError[],
  effort: Effort | undefined,
): void {
  const lifted = {
    schema: isLifted(versions, ({ schema }) => schema),
    columns: isLifted(versions, ({ additionalPrinterColumns }) => additionalPrinterColumns),
    subresources: isLifted(versions, ({ subresources }) => subresources),
    selectable: isLifted(versions, ({ schema, selectableFields }) =>
      selectableFields === undefined ? undefined : [schema, selectableFields],
    ),
  };
  versions.forEach((version, index) => {
    const here = at('spec.versions', index);
    checkVersionName(version, index, here, errors);
    checkWarning(version, here, errors);
    const isFirst = index === 0;
    if (isFirst || !lifted.schema) {
      const above = lifted.schema ? 'spec.validation' : child(here, 'schema');
      const place = { path: child(above, 'openAPIV3Schema'), versionPath: here };
      checkSchema(version, place, errors, effort);
    }
    if (isFirst || !lifted.columns) {
      const place = child(lifted.columns ? 'spec' : here, 'additionalPrinterColumns');
      version.additionalPrinterColumns?.forEach((item, position) => {
        checkColumn(item, at(place, position), errors);
      });
    }
    if (isFirst || !lifted.subresources) {
      const place = child(lifted.subresources ? 'spec' : here, 'subresources');
      checkSubresources(version.subresources, place, errors);
    }
    // Unlike 1.33, which lifts equal fields of versions whose schemas differ, and then misses a schema.
    if (isFirst || !lifted.selectable) {
      const { schema, selectableFields = [] } = version;
      const place = child(lifted.selectable ? 'spec' : here, 'selectableFields');
      const fields = schema?.openAPIV3Schema;
      if (isJsonObject(fields)) checkSelectableFields(selectableFields, fields, place, errors);
      else if (selectableFields.length > 0) {
        const text =
          'selectableFields may only be set when version.schema.openAPIV3Schema is not included';
        errors.push(invalid(place, '', text));
      }
    }
  });
  const names = versions.map((version) => version.name);
  if (new Set(names).size < names.length) {
    errors.push(invalid('spec.versions', versions, 'must contain unique version names'));
  }
  if (versions.filter((version) => version.storage).length !== 1) {
    const text = 'must have exactly one version marked as storage version';
    errors.push(invalid('spec.versions', versions, text));
  }
}

/** The first version is the definition's own too, and is refused in both places, but for an empty one. */
function checkVersionName(
  version: Version,
  index: number,
  path: FieldPath,
  errors: FieldError[],
): void {
  const { name = '' } = given(version);
  const problems = dns1035Label(name);
  if (problems.length === 0) return;
  const detail = problems.join(',');
  errors.push(invalid(child(path, 'name'), name, detail));
  if (index === 0 && name !== '') errors.push(invalid('spec.version', name, detail));
}

function checkSchema(
  version: Version,
  { path, versionPath }: { readonly path: FieldPath; readonly versionPath: FieldPath },
  errors: FieldError[],
  effort: Effort | undefined,
): void {
  const given = version.schema?.openAPIV3Schema;
  if (isJsonObject(given)) {
    const schema = withDoubleBounds(given);
    const before = errors.length;
    const hasStatus = version.subresources?.status !== undefined;
    checkRootFields(schema, path, { hasStatus }, errors);
    const { type = '' } = schema;
    if (hasStatus && type !== '' && type !== 'object') {
      const text =
        'only "object" is allowed as the type at the root of the schema if the status subresource is enabled';
      errors.push(invalid(child(path, 'type'), type, text));
    }
    checkStructure(schema, path, errors, effort);
    checkRules(schema, path, { compiles: errors.length === before }, errors);
  } else
    errors.push(required(child(versionPath, 'schema.openAPIV3Schema'), 'schemas are required'));
}

/** True for a schema with a default in it, other than below `not`, which has none. */
function holdsDefault(schema: unknown): boolean {
  if (Array.isArray(schema)) return schema.some(holdsDefault);
  if (!isJsonObject(schema)) return false;
  const { default: value, properties, items, additionalProperties, allOf, anyOf, oneOf } = schema;
  if (value !== undefined && value !== null) return true;
  const below = isJsonObject(properties) ? Object.values(properties) : [];
  return [...below, items, additionalProperties, allOf, anyOf, oneOf].some(holdsDefault);
}

/** Errors name the webhook's parts as Kubernetes has them inside. */
function checkConversion(conversion: Spec['conversion'], errors: FieldError[]): void {
  if (conversion === undefined) return;
  const path = 'spec.conversion';
  const strategies = ['None', 'Webhook'];
  const { strategy = '', webhook } = given(conversion);
  if (strategy === '') errors.push(required(child(path, 'strategy')));
  else if (!strategies.includes(strategy)) {
    errors.push(notSupported(child(path, 'strategy'), strategy, strategies));
  }
  const address = child(path, 'webhookClientConfig');
  const known = child(path, 'conversionReviewVersions');
  const versions = webhook === undefined ? [] : (given(webhook).conversionReviewVersions ?? []);
  if (strategy === 'Webhook') {
    if (webhook?.clientConfig === undefined) {
      errors.push(required(address, 'required when strategy is set to Webhook'));
    } else checkWebhookAddress(webhook.clientConfig, address, errors);
    if (versions.length === 0) errors.push(required(known));
    else checkReviewVersions(versions, known, errors);
    return;
  }
  const text = 'should not be set when strategy is not set to Webhook';
  if (webhook?.clientConfig !== undefined) errors.push(forbidden(address, text));
  if (versions.length > 0) errors.push(forbidden(known, text));
}

/** Groups of Kubernetes itself need its approval (KEP-1111). */
function checkApproval(definition: CustomResourceDefinition, errors: FieldError[]): void {
  const { state, message } = approvalOf(definition);
  const value = definition.metadata.annotations?.[approvalAnnotation] ?? '';
  const path = at('metadata.annotations', approvalAnnotation);
  if (state === 'MissingAnnotation') errors.push(required(path, message));
  if (state === 'InvalidAnnotation') errors.push(invalid(path, value, message));
}

function checkGroup(group: string, errors: FieldError[]): void {
  const path = 'spec.group';
  const problems = dnsSubdomain(group);
  if (group === '') errors.push(required(path));
  else if (problems.length > 0) errors.push(invalid(path, group, problems.join(',')));
  else if (!group.includes('.')) {
    errors.push(invalid(path, group, 'should be a domain with at least one dot'));
  }
}

/** A version in which objects may lie stays, until they are written anew and it is taken from the status. */
function checkStored(
  stored: readonly string[],
  versions: readonly Version[],
  errors: FieldError[],
): void {
  const path = 'status.storedVersions';
  if (stored.length === 0) {
    errors.push(invalid(path, stored, 'must have at least one stored version'));
    return;
  }
  const left = new Set(stored);
  for (const version of versions) {
    const { name = '', storage } = given(version);
    // Of two that are marked, the second finds the name gone.
    if (!left.delete(name) && storage === true) {
      errors.push(invalid(path, stored, `must have the storage version ${name}`));
    }
  }
  stored.forEach((name, index) => {
    if (!left.has(name)) return;
    const text =
      `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions ` +
      `until a storage migration ensures no data remains persisted in ${name} and removes ${name} from ` +
      'status.storedVersions';
    errors.push(invalid(at(path, index), name, text));
  });
}

/** The name of a new definition says of what it is; updates change neither. */
export function nameErrors({ metadata, spec }: CustomResourceDefinition): FieldError[] {
  const { group = '', names } = given(spec);
  const plural = names === undefined ? '' : (given(names).plural ?? '');
  const { name = '' } = given(metadata);
  if (name === '' || name === `${plural}.${group}`) return [];
  return [invalid('metadata.name', name, 'must be spec.names.plural+"."+spec.group')];
}

/** Validates a definition; returns its errors by field. @throws EffortError when the effort is used up */
export function validateDefinition(
  definition: CustomResourceDefinition,
  effort?: Effort,
): FieldError[] {
  const { spec, status } = definition;
  const errors: FieldError[] = [];
  const { group = '', names, scope = '', versions = [], ...rest } = given(spec);
  checkGroup(group, errors);
  const scopes = ['Cluster', 'Namespaced'];
  if (scope === '') errors.push(required('spec.scope'));
  else if (!scopes.includes(scope)) errors.push(notSupported('spec.scope', scope, scopes));
  checkVersions(versions, errors, effort);
  checkNames(names, errors);
  checkConversion(rest.conversion, errors);
  checkStored(status?.storedVersions ?? [], versions, errors);
  checkApproval(definition, errors);
  if (rest.preserveUnknownFields === true) {
    const text =
      'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead';
    errors.push(invalid('spec.preserveUnknownFields', true, text));
    const hasDefault = versions.some(({ schema }) => holdsDefault(schema?.openAPIV3Schema));
    const defaults = 'must be false in order to use defaults in the schema';
    if (hasDefault) errors.push(invalid('spec.preserveUnknownFields', true, defaults));
  }
  return errors;
}

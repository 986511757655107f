/** Makes kinds from a CustomResourceDefinition. */
import { defineKind, statusSubresource } from '../define.js';
import type { FieldError } from '../field-error.js';
import { invalid } from '../field-error.js';
import type { Cell, KindDeclaration, PrinterColumn, Subresource } from '../kind.js';
import type { KubeObject } from '../object.js';
import { isJsonObject } from '../object.js';
import { ageColumn, nameColumn, since } from '../print/columns.js';
import { objectMeta } from '../schema/meta.js';
import type { SchemaNode } from '../schema/node.js';
import { formatJson } from '../../lib/json.js';
import { withDoubleBounds } from './bounds.js';
import { compileJsonPath } from './json-path.js';
import type { CustomResourceDefinition } from './schemas.js';
import type { JsonSchema } from './structural.js';
import type { ConversionWebhook, CustomVersions } from './versions.js';
import { maxMatchSteps } from './pattern.js';
import { validateScaleFields } from './scale-fields.js';
import { hasRules } from './rule-nodes.js';
import { RuleValidator } from './rule-validator.js';
import { structuralNode, validateStructural } from './structural.js';
import { Unchanged } from './unchanged.js';

type Version = CustomResourceDefinition['spec']['versions'][number];
type Column = NonNullable<Version['additionalPrinterColumns']>[number];

/** The schema of a custom kind, from the one that stands in its definition. */
export function customSchema(schema: JsonSchema): SchemaNode {
  const node = structuralNode({ ...schema, type: 'object' });
  const text: SchemaNode = { type: 'string' };
  return {
    ...node,
    type: 'object',
    source: undefined,
    properties: {
      ...node.properties,
      apiVersion: {
        ...text,
        description: 'APIVersion defines the version in which the object is written.',
      },
      kind: { ...text, description: 'Kind of this representation.' },
      metadata: { ...objectMeta, description: "Standard object's metadata.", always: true },
    },
  };
}

function isScalar(value: unknown): value is Exclude<Cell, null> {
  return ['string', 'number', 'bigint', 'boolean'].includes(typeof value);
}

function cellOf(column: Column, value: unknown, nowMs: number): Cell {
  if (value === undefined || value === null) return null;
  if (column.type === 'date') return typeof value === 'string' ? since(value, nowMs) : '<unknown>';
  if (isScalar(value)) return column.type === 'string' ? String(value) : value;
  return formatJson(value);
}

const types: readonly string[] = ['string', 'integer', 'number', 'boolean', 'date'];

function columnOf(column: Column): PrinterColumn {
  const read = compileJsonPath(column.jsonPath);
  return {
    name: column.name,
    type: types.includes(column.type) ? (column.type as PrinterColumn['type']) : 'string',
    format: column.format ?? '',
    description: column.description ?? '',
    priority: (column.priority ?? 0) > 0 ? 1 : 0,
    cell: (object, nowMs) => {
      const values = read(object);
      if (values.length > 1)
        return values.map((value) => String(cellOf(column, value, nowMs))).join(',');
      return cellOf(column, values[0], nowMs);
    },
  };
}

/** The checks of what a Scale is made of; rules that are evaluated beside the event loop know nothing of them. */
function scaleChecks(version: Version): Pick<KindDeclaration, 'validateCreate' | 'validateUpdate'> {
  const scale = version.subresources?.scale;
  if (scale === undefined) return {};
  return {
    validateCreate: (object) => validateScaleFields(scale, object, undefined),
    validateUpdate: (object, old) => validateScaleFields(scale, object, old),
  };
}

function subresourcesOf(version: Version): Subresource[] {
  const { scale, status } = version.subresources ?? {};
  const out: Subresource[] = [];
  if (scale !== undefined) {
    out.push({
      name: 'scale',
      group: 'autoscaling',
      version: 'v1',
      kind: 'Scale',
      verbs: ['get', 'patch', 'update'],
      scale,
    });
  }
  if (status !== undefined) out.push({ ...statusSubresource, ...scaleChecks(version) });
  return out;
}

/** Errors after which rules would only add to the confusion. */
const blocking = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);

/** Validates custom objects by the schema of their definition, rules included. */
export function customValidator(schema: JsonSchema): NonNullable<KindDeclaration['validate']> {
  const rules = hasRules(schema) ? new RuleValidator(schema) : undefined;
  return (object, old, warnings, effort) => {
    const errors = validateSchema(schema, object, old);
    if (rules === undefined) return errors;
    if (errors.some(({ type }) => blocking.has(type))) {
      const text =
        'some validation rules were not checked because the object was invalid; ' +
        'correct the existing errors to complete validation';
      return [...errors, invalid('<nil>', undefined, text)];
    }
    return errors.concat(rules.validate(object, old, warnings, effort));
  };
}

/** What a schema may restrict of an object: of its metadata no more than the name. */
function contentOf(object: KubeObject | undefined): Record<string, unknown> | undefined {
  if (object === undefined) return undefined;
  const { apiVersion: _version, kind: _kind, metadata, ...rest } = object;
  const names = Object.entries(metadata).filter(
    ([field]) => field === 'name' || field === 'generateName',
  );
  return { ...rest, metadata: Object.fromEntries(names) };
}

function validateSchema(
  schema: JsonSchema,
  object: KubeObject,
  old: KubeObject | undefined,
): FieldError[] {
  const errors: FieldError[] = [];
  const budget = { stepsLeft: maxMatchSteps };
  const content = contentOf(object);
  validateStructural({ ...schema, type: 'object' }, content, '', {
    errors,
    budget,
    old: contentOf(old),
    unchanged: new Unchanged(),
  });
  if (budget.stepsLeft < 0) {
    const body = "Too long: matching the patterns of the object's schema takes too many steps";
    errors.push({ type: 'FieldValueTooLong', field: 'spec', body });
  }
  const skipped = new Set(['apiVersion', 'kind', 'metadata']);
  return errors.filter((error) => !skipped.has(error.field));
}

function fieldsOf(version: Version): Record<string, (object: KubeObject) => string> {
  return Object.fromEntries(
    (version.selectableFields ?? []).map(({ jsonPath }) => {
      const read = compileJsonPath(jsonPath);
      const getter = (object: KubeObject): string => {
        const [value] = read(object);
        if (typeof value === 'string') return value;
        return isScalar(value) ? String(value) : '';
      };
      return [jsonPath.replace(/^\./, ''), getter];
    }),
  );
}

function jsonSchemaOf(version: Version): JsonSchema {
  const given = version.schema?.openAPIV3Schema;
  return isJsonObject(given) ? withDoubleBounds(given) : { type: 'object' };
}

function kindOfVersion(
  definition: CustomResourceDefinition,
  version: Version,
  versions: CustomVersions,
): KindDeclaration {
  const { group, names, scope } = definition.spec;
  const schema = jsonSchemaOf(version);
  const columns = version.additionalPrinterColumns;
  const hasStatus = version.subresources?.status !== undefined;
  const warning =
    version.deprecationWarning ?? `${group}/${version.name} ${names.kind} is deprecated`;
  const base = defineKind<KubeObject>({
    group,
    version: version.name,
    kind: names.kind,
    listKind: names.listKind ?? `${names.kind}List`,
    plural: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    namespaced: scope === 'Namespaced',
    schema: versions.schemas.get(version.name) ?? customSchema(schema),
    definedBy: schema,
    hasGeneration: true,
    custom: true,
    validate: customValidator(schema),
    fields: fieldsOf(version),
    allowUnconditionalUpdate: false,
    columns:
      columns === undefined ? [nameColumn, ageColumn] : [nameColumn, ...columns.map(columnOf)],
    ...(version.deprecated === true ? { deprecation: warning } : {}),
  });
  const subresources = subresourcesOf(version);
  return { ...base, ...scaleChecks(version), hasStatus, subresources, versions };
}

/** The webhook of a definition whose strategy is to ask one. */
function conversionWebhook(definition: CustomResourceDefinition): ConversionWebhook | undefined {
  const { strategy, webhook } = definition.spec.conversion ?? {};
  if (strategy !== 'Webhook' || webhook?.clientConfig === undefined) return undefined;
  const { clientConfig, conversionReviewVersions: reviewVersions } = webhook;
  return { clientConfig, reviewVersions };
}

/** The served kinds of a definition, one per version. They share their storage. */
export function kindsOfDefinition(definition: CustomResourceDefinition): KindDeclaration[] {
  const all = definition.spec.versions ?? [];
  const versions: CustomVersions = {
    stored: (all.find(({ storage }) => storage) ?? all[0])?.name ?? '',
    schemas: new Map(all.map((version) => [version.name, customSchema(jsonSchemaOf(version))])),
    webhook: conversionWebhook(definition),
  };
  return all
    .filter(({ served }) => served)
    .map((version) => kindOfVersion(definition, version, versions));
}

/** Schemas of custom resources in version 2 of OpenAPI, as apiextensions-apiserver publishes them. */
import { isJsonObject } from '../object.js';
import type { OpenApi } from './open-api.js';

/** The keywords that version 2 lacks, and defaults, which Kubernetes leaves out there. */
const left = new Set(['allOf', 'anyOf', 'oneOf', 'not', 'nullable', 'default']);

/**
 * A part of a CRD's schema (version 3) as version 2 may say it. Clients that read version 2 refuse every field that is
 * not named, so a value that may be null, or that keeps unknown fields, has neither a type nor fields there.
 */
export function customSchemaV2(source: Readonly<Record<string, unknown>>): OpenApi {
  const preserves = source['x-kubernetes-preserve-unknown-fields'] === true;
  const untyped = source['nullable'] === true || preserves;
  const kept = Object.entries(source).filter(([name]) => !left.has(name));
  const out: OpenApi = Object.fromEntries(kept);
  if (untyped) {
    delete out['items'];
    delete out['properties'];
  }
  const { type } = out;
  const isList = type === 'array' && out['items'] === undefined;
  if (source['nullable'] === true || isList || (preserves && type === 'object')) delete out['type'];
  return { ...out, ...requiredOf(out), ...below(out) };
}

function isNullable(schema: unknown): boolean {
  return isJsonObject(schema) && schema['nullable'] === true;
}

/** `required` without the fields that may be null. */
function requiredOf(schema: OpenApi): OpenApi {
  const { required, properties, additionalProperties } = schema;
  if (!Array.isArray(required)) return {};
  const fields = isJsonObject(properties) ? properties : {};
  const names = isNullable(additionalProperties)
    ? []
    : required.filter((name) => !isNullable(fields[String(name)]));
  return { required: names.length === 0 ? undefined : names };
}

function below({ properties, items, additionalProperties }: OpenApi): OpenApi {
  const out: OpenApi = {};
  if (isJsonObject(items)) out['items'] = customSchemaV2(items);
  if (isJsonObject(additionalProperties)) {
    out['additionalProperties'] = customSchemaV2(additionalProperties);
  }
  if (isJsonObject(properties)) {
    const entries = Object.entries(properties).map(([name, field]) => [
      name,
      isJsonObject(field) ? customSchemaV2(field) : field,
    ]);
    out['properties'] = Object.fromEntries(entries);
  }
  return out;
}

/** Server-side apply: PATCH with `application/apply-patch+yaml`. */
import { listErrors } from '../../../api/apply/list-errors.js';
import { applyConflictStatus } from '../../../api/apply/conflicts.js';
import { applyConfiguration } from '../../../api/apply/managed-fields.js';
import type { KindDeclaration } from '../../../api/kind.js';
import type { KubeObject } from '../../../api/object.js';
import { DecodeError } from '../../../api/schema/decode.js';
import { apiVersionOf } from '../../../api/validation/metadata.js';
import type { RequestContext, UpdateSource } from '../verbs/index.js';
import { badRequest, conflict, failure, StatusError, undeterminable } from '../status.js';
import { errorTarget } from '../verbs/index.js';
import type { BodyParser } from './body-parser.js';
import type { TypedBody, TypeMeta } from './typed-body.js';

const unknownField = /^unknown field "(.*)"$/;

/** The media type of server-side apply. */
export const applyPatch = 'application/apply-patch+yaml';

/** Reads an applied configuration. @throws StatusError BadRequest, Invalid */
export async function applySource(
  context: RequestContext,
  body: Buffer,
  { parser, now }: { readonly parser: BodyParser; readonly now: () => string },
): Promise<UpdateSource> {
  const { kind, name } = context.target;
  const { fieldManager: manager, force } = context.options;
  if (manager === '') {
    const text = 'Required value: is required for apply patch';
    throw failure(422, 'Invalid', `PatchOptions.meta.k8s.io "" is invalid: fieldManager: ${text}`, {
      group: 'meta.k8s.io',
      kind: 'PatchOptions',
      causes: [{ reason: 'FieldValueRequired', message: text, field: 'fieldManager' }],
    });
  }
  const read = await readApplied(context, body, parser);
  checkTypeMeta(kind, read.type);
  const config = checkApplied(context, read);
  if ((config.metadata.managedFields?.length ?? 0) > 0) {
    throw badRequest('metadata.managedFields must be nil');
  }
  const isNamed = checkPlace(context, config);
  const repeated = repeatedKeys(context, read);
  config.metadata.name = name;
  if (kind.namespaced) config.metadata.namespace = context.target.namespace;
  return {
    createsMissing: true,
    tracksFields: true,
    next(live): KubeObject {
      if (live === undefined && !isNamed) throw undeterminable(name);
      const uid = config.metadata.uid;
      if (live === undefined && uid !== undefined) {
        throw conflict(
          errorTarget(kind),
          name,
          `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`,
        );
      }
      const writer = { manager, subresource: context.target.subresource, now: now() };
      const outcome = applyConfiguration(kind, { live, config, force, writer });
      if (outcome.conflicts.length > 0)
        throw new StatusError(applyConflictStatus(outcome.conflicts));
      // After conflicts, as in Kubernetes (`applyPatcher` in apiserver's patch.go).
      if (repeated !== undefined) throw repeated;
      if (live !== undefined && config.metadata.resourceVersion === undefined) {
        outcome.object.metadata.resourceVersion = live.metadata.resourceVersion ?? '';
      }
      return outcome.object;
    },
  };
}

/**
 * The error of keys that stand twice in one map, where validation is strict; a warning otherwise. Which of the two
 * values is applied, the client could not have meant.
 */
function repeatedKeys(context: RequestContext, { decoded }: TypedBody): StatusError | undefined {
  const { fieldValidation } = context.options;
  const problems = decoded instanceof DecodeError ? [] : decoded.problems;
  const repeated = problems.filter((text) => !unknownField.test(text));
  if (repeated.length === 0 || fieldValidation === 'Ignore') return undefined;
  if (fieldValidation === 'Warn') {
    context.warnings.push(...repeated);
    return undefined;
  }
  const lines = repeated.map((text) => `\n  ${text}`).join('');
  const cause = `error converting YAML to JSON: yaml: unmarshal errors:${lines}`;
  return badRequest(`error strict decoding YAML: ${cause}`);
}

async function readApplied(
  context: RequestContext,
  bytes: Buffer,
  parser: BodyParser,
): Promise<TypedBody> {
  try {
    const body = { bytes, format: 'yaml', user: context.user.name } as const;
    return await parser.object(context.target.kind, body, true);
  } catch (error) {
    if (error instanceof DecodeError)
      throw badRequest(`error decoding YAML: error converting YAML to JSON: ${error.message}`);
    throw error;
  }
}

function checkTypeMeta(
  kind: KindDeclaration,
  { isObject, apiVersion, kind: given }: TypeMeta,
): void {
  if (!isObject) throw badRequest('error decoding YAML: the patch must be an object');
  if (apiVersion === apiVersionOf(kind) && given === kind.kind) return;
  const version = apiVersion.includes('/') ? apiVersion : `/${apiVersion}`;
  throw badRequest(`invalid object type: ${version}, Kind=${given}`);
}

/**
 * A configuration agrees with the path.
 * @returns whether it names its object: one that is there has its name already, a new one may not have it made up
 */
function checkPlace({ target }: RequestContext, { metadata }: KubeObject): boolean {
  const { kind, name } = target;
  const { namespace = '' } = metadata;
  const given = metadata.name ?? '';
  if (given !== '' && given !== name) {
    throw badRequest(
      `the name of the object (${given}) does not match the name on the URL (${name})`,
    );
  }
  if (kind.namespaced && namespace !== '' && namespace !== target.namespace) {
    throw badRequest(
      'the namespace of the provided object does not match the namespace sent on the request',
    );
  }
  return given !== '';
}

/** An applied configuration has no room for fields that are not declared, whatever validation was asked for. */
function checkApplied(context: RequestContext, { decoded }: TypedBody): KubeObject {
  const { kind } = context.target;
  if (decoded instanceof DecodeError) throw badRequest(decoded.message);
  const { namespace = '' } = decoded.object.metadata;
  const name = decoded.object.metadata.name ?? '';
  const paths = decoded.problems.map((text) => unknownField.exec(text)?.[1]);
  const strange = paths.filter((path) => path !== undefined);
  const errors = strange
    .map((path) => `.${path}: field not declared in schema`)
    .concat(listErrors(kind.schema, decoded.object));
  if (errors.length === 0) return decoded.object;
  const type = `${kind.group}/${kind.version}, Kind=${kind.kind}`;
  const subject = `${namespace}/${name}; ${type}`;
  const text = errors.length === 1 ? errors.join() : `errors:\n  ${errors.join('\n  ')}`;
  throw failure(500, '', `failed to create typed patch object (${subject}): ${text}`);
}

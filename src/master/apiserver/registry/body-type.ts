/** Whether a body is of the kind that a path takes, in the words of apiserver's codec. */
import type { KindDeclaration } from '../../../api/kind.js';
import {
  formatGroupVersion,
  isJsonObject,
  parseGroupVersion,
  textOf,
} from '../../../api/object.js';
import type { KindRegistry } from '../../../api/registry.js';
import { DecodeError, decodeValue } from '../../../api/schema/decode.js';
import { cannotHandle, strictDecodingError } from '../../../api/strategy.js';
import { badRequest } from '../status.js';
import type { RequestContext } from './types.js';

/** What a body says that it is. */
interface GivenType {
  /** False for a list or a scalar. */
  readonly isObject: boolean;
  readonly apiVersion: string;
  readonly kind: string;
}

/** Refuses an object of another kind, or of a version that is not served. @throws DecodeError */
export function checkType(kind: KindDeclaration, type: GivenType, kinds: KindRegistry): void {
  if (!type.isObject) return;
  const expected = formatGroupVersion(kind.group, kind.version);
  const apiVersion = type.apiVersion || expected;
  const name = type.kind || kind.kind;
  if (apiVersion === expected && name === kind.kind) return;
  const { group, version } = parseGroupVersion(apiVersion);
  const given = kinds.byKind(group, version, name);
  if (given !== undefined && name === kind.kind && group === kind.group) return;
  const text =
    given === undefined
      ? `no kind "${name}" is registered for version "${apiVersion}" in scheme ` +
        '"pkg/api/legacyscheme/scheme.go:30"'
      : `converting (${version}.${name}) to (${goPackage(kind)}.${kind.kind}): unknown conversion`;
  throw new DecodeError(
    `${name} in version "${version}" cannot be handled as a ${kind.kind}: ${text}`,
  );
}

/** The Go package of a group's internal types. */
export function goPackage(kind: KindDeclaration): string {
  return kind.group === '' ? 'core' : (kind.group.split('.')[0] ?? '');
}

/** Versions that are read as well, by the kind of a subresource's body. */
const alsoRead = new Set(['policy/v1beta1 Eviction']);

/**
 * Checks the body of a subresource that has a kind of its own; what the schema does not know is told or refused.
 * @throws StatusError BadRequest
 */
export function checkBody(
  kind: KindDeclaration,
  body: unknown,
  { options, warnings }: Pick<RequestContext, 'options' | 'warnings'>,
  kinds: KindRegistry,
): void {
  if (!isJsonObject(body)) return;
  const type = { apiVersion: textOf(body, 'apiVersion'), kind: textOf(body, 'kind') };
  try {
    if (!alsoRead.has(`${type.apiVersion} ${type.kind}`)) {
      checkType(kind, { ...type, isObject: true }, kinds);
    }
    const { problems } = decoded(kind, body);
    if (problems.length > 0 && options.fieldValidation === 'Strict') {
      throw new DecodeError(cannotHandle(kind, strictDecodingError(problems)));
    }
    if (options.fieldValidation === 'Warn') warnings.push(...problems);
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(error.message);
    throw error;
  }
}

function decoded(kind: KindDeclaration, body: unknown): { readonly problems: readonly string[] } {
  try {
    return decodeValue(kind.schema, body);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new DecodeError(cannotHandle(kind, error.message), { cause: error });
  }
}

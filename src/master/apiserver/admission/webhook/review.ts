/** `AdmissionReview` of admission.k8s.io/v1: what a webhook is asked, and what its answer means. */
import { randomUUID } from 'node:crypto';
import type { KindDeclaration } from '../../../../api/kind.js';
import type { KubeObject, Status } from '../../../../api/object.js';
import { isJsonObject, parseGroupVersion, textOf } from '../../../../api/object.js';
import type { AdmissionRequest } from '../../registry/types.js';
import { StatusError } from '../../status.js';
import { CallError } from './call.js';
import { formatJson, parseJson } from '../../../../lib/json.js';

const apiVersion = 'admission.k8s.io/v1';
const optionKinds = {
  CREATE: 'CreateOptions',
  UPDATE: 'UpdateOptions',
  DELETE: 'DeleteOptions',
} as const;

/** A review's request, ready to be sent. */
export interface Question {
  readonly uid: string;
  readonly body: string;
}

/** Writes the question; the objects are shown as ones of the kind `as`. */
export function questionOf(request: AdmissionRequest, as: KindDeclaration): Question {
  const uid = randomUUID();
  const body = {
    kind: 'AdmissionReview',
    apiVersion,
    request: {
      uid,
      ...admissionFields(request, as),
      object: shownObject(request, request.object),
      oldObject: shownObject(request, request.old),
    },
  };
  return { uid, body: formatJson(body) };
}

/** An object of a request as webhooks and expressions see it; null when there is none. */
export function shownObject(
  { operation }: AdmissionRequest,
  object: KubeObject | undefined,
): object | null {
  if (object === undefined) return null;
  return operation === 'CONNECT' ? connectObject(object) : object;
}

/** The fields of an AdmissionRequest beside its uid and its objects. */
export function admissionFields(request: AdmissionRequest, as: KindDeclaration): object {
  const { context, operation } = request;
  const { kind, namespace, subresource } = context.target;
  const { user, options } = context;
  const name = context.target.name || (request.object?.metadata.name ?? '');
  const gvk = shownKind(request, as);
  // The namespace of a Namespace is its own name.
  const isNamespace = kind.kind === 'Namespace' && kind.group === '';
  const shownNamespace = isNamespace ? name : namespace;
  const part = subresource === '' ? {} : { subResource: subresource };
  const requestPart = subresource === '' ? {} : { requestSubResource: subresource };
  return {
    kind: gvk,
    resource: resourceOf(as),
    ...part,
    requestKind: shownKind(request, kind),
    requestResource: resourceOf(kind),
    ...requestPart,
    ...(name === '' ? {} : { name }),
    ...(shownNamespace === '' ? {} : { namespace: shownNamespace }),
    operation,
    userInfo: {
      username: user.name,
      ...(user.uid === undefined ? {} : { uid: user.uid }),
      groups: user.groups,
      ...(user.extra === undefined ? {} : { extra: user.extra }),
    },
    dryRun: options.dryRun,
    // A connection has no options of the request besides its own object.
    options:
      operation === 'CONNECT'
        ? null
        : {
            kind: optionKinds[operation],
            apiVersion: 'meta.k8s.io/v1',
            ...(options.dryRun ? { dryRun: ['All'] } : {}),
            ...(operation === 'DELETE' ? request.deletion : { fieldManager: options.fieldManager }),
          },
  };
}

function resourceOf({ group, version, plural }: KindDeclaration): object {
  return { group, version, resource: plural };
}

/** The kind of the objects that are shown: a subresource may have its own, in the one version that there is. */
function shownKind(
  { context, operation, object, old }: AdmissionRequest,
  as: KindDeclaration,
): { readonly group: string; readonly version: string; readonly kind: string } {
  const { kind, subresource } = context.target;
  const own = { group: as.group, version: as.version, kind: as.kind };
  const shown = object ?? old;
  if (operation === 'CONNECT') return { ...own, kind: shown?.kind ?? kind.kind };
  const isOwn = subresource === '' || shown === undefined || shown.kind === kind.kind;
  return isOwn ? own : { ...parseGroupVersion(shown.apiVersion ?? ''), kind: shown.kind ?? '' };
}

/** The options of a connection as their kind has them: without metadata, and without what is unset. */
export function connectObject({ metadata: _metadata, ...options }: KubeObject): object {
  const isSet = (value: unknown): boolean =>
    Array.isArray(value) ? value.length > 0 : value !== false && value !== '';
  return Object.fromEntries(Object.entries(options).filter(([, value]) => isSet(value)));
}

/** The decision of a webhook. */
export interface Verdict {
  readonly allowed: boolean;
  readonly result: Partial<Status> | undefined;
  readonly warnings: readonly string[];
  /** A JSON patch, parsed. */
  readonly patch: unknown;
}

/** Reads an answer. @throws CallError when it is not one to this question */
export function readVerdict(text: string, question: Question): Verdict {
  let review: unknown;
  try {
    // Its long integers are rounded: no Status has any. A patch is a text in it.
    review = JSON.parse(text);
  } catch (error) {
    throw new CallError(`couldn't get version/kind; json parse error: ${String(error)}`);
  }
  if (!isJsonObject(review)) throw new CallError('webhook response was absent');
  const [kind, version] = [textOf(review, 'kind'), textOf(review, 'apiVersion')];
  if (kind !== 'AdmissionReview' || version !== apiVersion) {
    throw new CallError(
      `expected webhook response of ${apiVersion}, Kind=AdmissionReview, got ${version || '/'}, Kind=${kind}`,
    );
  }
  const { response } = review;
  if (!isJsonObject(response)) throw new CallError('webhook response was absent');
  const uid = textOf(response, 'uid');
  if (uid !== question.uid) {
    throw new CallError(
      `expected response.uid=${JSON.stringify(question.uid)}, got ${JSON.stringify(uid)}`,
    );
  }
  const warnings = Array.isArray(response['warnings']) ? response['warnings'].map(String) : [];
  const { status } = response;
  return {
    allowed: response['allowed'] === true,
    result: isJsonObject(status) ? status : undefined,
    warnings,
    patch: readPatch(response),
  };
}

function readPatch(response: Record<string, unknown>): unknown {
  const [patch, type] = [textOf(response, 'patch'), textOf(response, 'patchType')];
  if (patch === '') {
    if (type !== '')
      throw new CallError('webhook returned response.patchType but not response.patch');
    return undefined;
  }
  if (type === '')
    throw new CallError('webhook returned response.patch but not response.patchType');
  if (type !== 'JSONPatch') {
    throw new CallError(`invalid webhook response.patchType of ${JSON.stringify(type)}`);
  }
  try {
    return parseJson(Buffer.from(patch, 'base64').toString());
  } catch (error) {
    throw new CallError(`the patch cannot be read: ${String(error)}`);
  }
}

/** The answer to a request that a webhook refused. */
export function denied(name: string, result: Partial<Status> | undefined): StatusError {
  const head = `admission webhook ${JSON.stringify(name)} denied the request`;
  const { message = '', reason = '', code = 0, details } = result ?? {};
  const explanation = message || reason;
  return new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: explanation === '' ? `${head} without explanation` : `${head}: ${explanation}`,
    ...(reason === '' ? {} : { reason }),
    ...(details === undefined ? {} : { details }),
    // Others are no answers of HTTP that refuse.
    code: Number.isInteger(code) && code >= 400 && code <= 599 ? code : 400,
  });
}

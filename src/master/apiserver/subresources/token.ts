import { objectKey } from '../../../api/facts/keys.js';
import { isJsonObject, parseGroupVersion, textOf } from '../../../api/object.js';
import type { Pod } from '../../../api/types/core.js';
import type { BoundObject, ServiceAccountTokens } from '../authn/service-account-tokens.js';
import type { Authorization } from '../authz/authorizers.js';
import { nodeNameOf } from '../authz/node-identity.js';
import type { Objects } from '../registry/objects.js';
import type { RequestContext } from '../registry/types.js';
import { badRequest, conflict, forbidden, invalidObject, notFound } from '../status.js';

const minSeconds = 600;
const maxSeconds = 2 ** 32;
const defaultSeconds = 3600;
const resources = { Pod: 'pods', Secret: 'secrets', Node: 'nodes' } as const;

/** The dependencies of the `token` subresource of ServiceAccounts. */
export interface TokenDeps {
  readonly objects: Objects;
  readonly tokens: ServiceAccountTokens;
  readonly authorization: Authorization;
}

/** Issues a token for the service account that the context names. @returns the TokenRequest with its status */
export async function requestToken(
  context: RequestContext,
  request: unknown,
  deps: TokenDeps,
): Promise<object> {
  const { namespace, name } = context.target;
  const source = isJsonObject(request) ? request : {};
  const spec = isJsonObject(source['spec']) ? source['spec'] : {};
  const audiences = Array.isArray(spec['audiences']) ? spec['audiences'].map(String) : [];
  const reference = isJsonObject(spec['boundObjectRef']) ? spec['boundObjectRef'] : undefined;
  await restrictNode(context, { reference, audiences }, deps);
  const seconds = Number(spec['expirationSeconds'] ?? defaultSeconds);
  checkSeconds(seconds);
  const entry = await deps.objects.get(context.target);
  const { uid = '' } = entry.object().metadata;
  const bound = reference === undefined ? undefined : await findBound(context, reference, deps);
  const node = bound?.kind === 'Pod' ? nodeOfPod(namespace, bound, deps) : undefined;
  const issued = await deps.tokens.issue({ namespace, name, uid, audiences, seconds, bound, node });
  return {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name, namespace, creationTimestamp: deps.objects.now() },
    spec: {
      audiences: audiences.length > 0 ? audiences : deps.tokens.audiences,
      expirationSeconds: seconds,
      boundObjectRef: bound === undefined ? null : { ...bound, apiVersion: 'v1' },
    },
    status: { token: issued.token, expirationTimestamp: issued.expiration },
  };
}

function checkSeconds(seconds: number): void {
  const target = { group: 'authentication.k8s.io', kind: 'TokenRequest', name: '' };
  const refuse = (text: string): never => {
    const body = `Invalid value: ${seconds}: ${text}`;
    throw invalidObject(target, [
      { type: 'FieldValueInvalid', field: 'spec.expirationSeconds', body },
    ]);
  };
  if (!(seconds >= minSeconds)) refuse('may not specify a duration less than 10 minutes');
  if (seconds > maxSeconds) refuse('may not specify a duration larger than 2^32 seconds');
}

const newUidText = (uid: string): string =>
  `the UID in the bound object reference (${uid}) does not match the UID in record. ` +
  `The object might have been deleted and then recreated`;

async function findBound(
  context: RequestContext,
  reference: Record<string, unknown>,
  deps: TokenDeps,
): Promise<BoundObject> {
  const { namespace, name: account } = context.target;
  const kind = textOf(reference, 'kind');
  const apiVersion = textOf(reference, 'apiVersion');
  const { group, version } = parseGroupVersion(apiVersion);
  if (group !== '' || (kind !== 'Pod' && kind !== 'Secret' && kind !== 'Node')) {
    const type = `${group}/${version}, Kind=${kind}`;
    throw badRequest(`cannot bind token to object of type ${type}`);
  }
  const name = textOf(reference, 'name');
  const resource = resources[kind];
  const key = kind === 'Node' ? name : objectKey({ namespace, name });
  const object = await lookUp(resource, key, deps);
  if (object === undefined) throw notFound({ group: '', resource }, name);
  if (kind === 'Pod' && object.spec?.serviceAccountName !== account) {
    throw badRequest(
      `cannot bind token for serviceaccount ${JSON.stringify(account)} to pod running with ` +
        `different serviceaccount name.`,
    );
  }
  const uid = object.metadata.uid ?? '';
  const wanted = textOf(reference, 'uid');
  if (wanted !== '' && wanted !== uid) {
    throw conflict({ group: '', resource: kind }, name, newUidText(wanted));
  }
  return { kind, name, uid };
}

/** An object that this server may not have heard of yet: another one has made it a moment ago. */
async function lookUp(
  resource: string,
  key: string,
  { objects }: TokenDeps,
): Promise<Pod | undefined> {
  const known = objects.watchCache.cache(resource).get(key);
  if (known !== undefined) return known.object();
  await objects.watchCache.fresh();
  return objects.watchCache.cache(resource).get(key)?.object();
}

function nodeOfPod(
  namespace: string,
  bound: BoundObject,
  deps: TokenDeps,
): { name: string; uid: string } | undefined {
  const pod: Pod | undefined = deps.objects.watchCache
    .cache('pods')
    .get(objectKey({ namespace, name: bound.name }))
    ?.object();
  const name = pod?.spec?.nodeName;
  if (name === undefined) return undefined;
  const node = deps.objects.watchCache.cache('nodes').get(name)?.object();
  return node === undefined ? undefined : { name, uid: node.metadata.uid ?? '' };
}

/**
 * A node gets tokens bound to pods that run on it, for an audience that the pod asks for (kube-apiserver's
 * NodeRestriction); the node authorizer has seen that one of its pods uses the account.
 */
async function restrictNode(
  context: RequestContext,
  asked: {
    readonly reference: Record<string, unknown> | undefined;
    readonly audiences: readonly string[];
  },
  deps: TokenDeps,
): Promise<void> {
  const node = nodeNameOf(context.user);
  if (node === undefined) return;
  const { namespace, name: account } = context.target;
  const refuse = (text: string): never => {
    throw forbidden({ group: '', resource: 'serviceaccounts' }, account, text);
  };
  const { reference = {}, audiences } = asked;
  const name = textOf(reference, 'name');
  const isPod = textOf(reference, 'kind') === 'Pod' && textOf(reference, 'apiVersion') === 'v1';
  if (!isPod || name === '') refuse('node requested token not bound to a pod');
  const uid = textOf(reference, 'uid');
  if (uid === '') refuse('node requested token with a pod binding without a uid');
  const pod = await lookUp('pods', objectKey({ namespace, name }), deps);
  if (pod === undefined) throw notFound({ group: '', resource: 'pod' }, name);
  if (pod.metadata.uid !== uid) refuse(newUidText(uid));
  if (pod.spec?.nodeName !== node) {
    refuse('node requested token bound to a pod scheduled on a different node');
  }
  if (audiences.length > 1) refuse('node may only request 0 or 1 audiences');
  const [audience = ''] = audiences;
  if (asksFor(pod, audience)) return;
  const { allowed } = await deps.authorization.decide({
    user: context.user,
    verb: 'request-serviceaccounts-token-audience',
    isResource: true,
    group: '',
    version: '',
    resource: audience,
    subresource: '',
    namespace,
    name: account,
    path: '',
  });
  if (allowed) return;
  refuse(
    `audience ${JSON.stringify(audience)} not found in pod spec volume, ${context.user.name} ` +
      `is not authorized to request tokens for this audience`,
  );
}

/** True when one of the pod's volumes holds a token for the audience; empty is the API server's own. */
function asksFor({ spec }: Pod, audience: string): boolean {
  return (spec?.volumes ?? []).some((volume) =>
    volume.projected?.sources?.some(
      ({ serviceAccountToken: token }) =>
        token !== undefined && (token.audience ?? '') === audience,
    ),
  );
}

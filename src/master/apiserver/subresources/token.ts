import type { KubeObject } from '../../../api/object.js';
import { isJsonObject, textOf } from '../../../api/object.js';
import type { BoundObject, ServiceAccountTokens } from '../authn/service-account-tokens.js';
import { nodeNameOf } from '../authz/node-identity.js';
import type { Objects } from '../registry/objects.js';
import type { RequestContext } from '../registry/types.js';
import { badRequest, conflict, forbidden, invalidObject, notFound } from '../status.js';

const minSeconds = 600;
const maxSeconds = 2 ** 32;
const defaultSeconds = 3600;
const resources = { Pod: 'pods', Secret: 'secrets', Node: 'nodes' } as const;

export interface TokenDeps {
  readonly objects: Objects;
  readonly tokens: ServiceAccountTokens;
}

/** Issues a token for the service account that the context names. @returns the TokenRequest with its status */
export async function requestToken(
  context: RequestContext,
  request: unknown,
  deps: TokenDeps,
): Promise<object> {
  const { namespace, name } = context.target;
  const entry = await deps.objects.get(context.target);
  const { uid = '' } = entry.object().metadata;
  const source = isJsonObject(request) ? request : {};
  const spec = isJsonObject(source['spec']) ? source['spec'] : {};
  const seconds = Number(spec['expirationSeconds'] ?? defaultSeconds);
  checkSeconds(seconds, name);
  const audiences = Array.isArray(spec['audiences']) ? spec['audiences'].map(String) : [];
  const bound = findBound(context, spec['boundObjectRef'], deps);
  const node = bound?.kind === 'Pod' ? nodeOfPod(namespace, bound, deps) : undefined;
  restrictNode(context, bound);
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

function checkSeconds(seconds: number, name: string): void {
  const target = { group: 'authentication.k8s.io', kind: 'TokenRequest', name };
  const refuse = (text: string): never => {
    const body = `Invalid value: ${seconds}: ${text}`;
    throw invalidObject(target, [
      { type: 'FieldValueInvalid', field: 'spec.expirationSeconds', body },
    ]);
  };
  if (!(seconds >= minSeconds)) refuse('may not specify a duration less than 10 minutes');
  if (seconds > maxSeconds) refuse('may not specify a duration larger than 2^32 seconds');
}

function findBound(
  context: RequestContext,
  reference: unknown,
  deps: TokenDeps,
): BoundObject | undefined {
  if (!isJsonObject(reference)) return undefined;
  const kind = textOf(reference, 'kind');
  if (kind !== 'Pod' && kind !== 'Secret' && kind !== 'Node') {
    throw badRequest(
      `cannot bind token for serviceaccount ${JSON.stringify(context.target.name)} to object kind ${JSON.stringify(kind)}`,
    );
  }
  const name = textOf(reference, 'name');
  const resource = resources[kind];
  const key = kind === 'Node' ? name : `${context.target.namespace}/${name}`;
  const object = deps.objects.mirror.cache(resource).get(key)?.object();
  if (object === undefined) throw notFound({ group: '', resource }, name);
  const uid = object.metadata.uid ?? '';
  const wanted = reference['uid'];
  if (typeof wanted === 'string' && wanted !== '' && wanted !== uid) {
    const text = `the UID in the bound object reference (${wanted}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw conflict({ group: '', resource }, name, text);
  }
  return { kind, name, uid };
}

interface BoundPod extends KubeObject {
  spec?: { nodeName?: string };
}

function nodeOfPod(
  namespace: string,
  bound: BoundObject,
  deps: TokenDeps,
): { name: string; uid: string } | undefined {
  const pod: BoundPod | undefined = deps.objects.mirror
    .cache('pods')
    .get(`${namespace}/${bound.name}`)
    ?.object();
  const name = pod?.spec?.nodeName;
  if (name === undefined) return undefined;
  const node = deps.objects.mirror.cache('nodes').get(name)?.object();
  return node === undefined ? undefined : { name, uid: node.metadata.uid ?? '' };
}

/** A node gets tokens only for pods (the node authorizer has checked that one of its pods uses the account). */
function restrictNode(context: RequestContext, bound: BoundObject | undefined): void {
  if (nodeNameOf(context.user) === undefined || bound?.kind === 'Pod') return;
  throw forbidden(
    { group: '', resource: 'serviceaccounts' },
    context.target.name,
    'node requested token not bound to a pod',
  );
}

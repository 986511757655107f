/** The parameters of bindings: which are found, and what is wrong with those that are not. */
import { describe, expect, test } from '@jest/globals';
import type { ValidatingAdmissionPolicyBinding } from '../../../../api/admission/policy-schemas.js';
import { objectKey } from '../../../../api/facts/keys.js';
import { builtInRegistry } from '../../../../api/kinds.js';
import type { KubeObject } from '../../../../api/object.js';
import type { Objects } from '../../registry/objects.js';
import { collectParams } from './params.js';

type Ref = NonNullable<NonNullable<ValidatingAdmissionPolicyBinding['spec']>['paramRef']>;

function made(namespace: string, name: string, labels: Record<string, string> = {}): KubeObject {
  return { metadata: { ...(namespace === '' ? {} : { namespace }), name, labels } };
}

const stored: Readonly<Record<string, readonly KubeObject[]>> = {
  configmaps: [
    made('shop', 'limits', { tier: 'a' }),
    made('shop', 'more', { tier: 'a' }),
    made('bank', 'limits', { tier: 'a' }),
  ],
  nodes: [made('', 'n1', { tier: 'a' }), made('', 'n2')],
};

const objects = {
  cache: ({ plural }: { plural: string }) => {
    const entries = (stored[plural] ?? []).map((object) => ({ object: () => object }));
    return {
      get: (key: string) =>
        entries.find(({ object }) => {
          const { namespace = '', name } = object().metadata;
          return objectKey({ namespace, name }) === key;
        }),
      list: (namespace?: string) =>
        entries.filter(
          ({ object }) => namespace === undefined || object().metadata.namespace === namespace,
        ),
    };
  },
} as unknown as Pick<Objects, 'cache'>;

/** Collects for a request in a namespace; objects are told by their place. */
function collect(
  paramKind: { apiVersion: string; kind: string } | undefined,
  paramRef: Ref | undefined,
  namespace = 'shop',
): string | (string | null)[] {
  const sources = { kinds: builtInRegistry(), objects };
  const found = collectParams(
    paramKind === undefined ? {} : { paramKind },
    paramRef === undefined ? {} : { paramRef },
    namespace,
    sources,
  );
  if (found instanceof Error) return found.message;
  return found.map((object) => {
    if (object === null) return null;
    const { metadata, kind, apiVersion } = object;
    return `${apiVersion} ${kind} ${metadata.namespace ?? ''}/${metadata.name}`;
  });
}

const configMap = { apiVersion: 'v1', kind: 'ConfigMap' };
const node = { apiVersion: 'v1', kind: 'Node' };
const tierA = { matchLabels: { tier: 'a' } };

describe('parameters', () => {
  test.each<[string, typeof node | undefined, Ref | undefined, string, (string | null)[]]>([
    ['a policy that has none', undefined, { name: 'x' }, 'shop', [null]],
    ['a binding that names none', configMap, undefined, 'shop', [null]],
    [
      "one of the request's namespace",
      configMap,
      { name: 'limits' },
      'shop',
      ['v1 ConfigMap shop/limits'],
    ],
    [
      'one of another namespace',
      configMap,
      { name: 'limits', namespace: 'bank' },
      'shop',
      ['v1 ConfigMap bank/limits'],
    ],
    [
      'all that a selector chooses',
      configMap,
      { selector: tierA },
      'shop',
      ['v1 ConfigMap shop/limits', 'v1 ConfigMap shop/more'],
    ],
    ['one that is in no namespace', node, { name: 'n2' }, 'shop', ['v1 Node /n2']],
    ['those in none that a selector chooses', node, { selector: tierA }, '', ['v1 Node /n1']],
    ['all, by an empty selector', node, { selector: {} }, '', ['v1 Node /n1', 'v1 Node /n2']],
    ['none that is there', configMap, { name: 'x', parameterNotFoundAction: 'Allow' }, 'shop', []],
  ])('%s', (_, kind, ref, namespace, found) => {
    expect(collect(kind, ref, namespace)).toEqual(found);
  });

  test.each<[typeof node, Ref, string, string]>([
    [
      configMap,
      { name: 'x', parameterNotFoundAction: 'Deny' },
      'shop',
      'no params found for policy binding with `Deny` parameterNotFoundAction',
    ],
    [
      { apiVersion: 'example.com/v1', kind: 'Limit' },
      { name: 'x' },
      'shop',
      'paramKind kind `&ParamKind{APIVersion:example.com/v1,Kind:Limit,}` not known',
    ],
    [
      configMap,
      { name: 'limits' },
      '',
      'cannot use namespaced paramRef in policy binding that matches cluster-scoped resources',
    ],
    [
      node,
      { name: 'n1', namespace: 'shop' },
      '',
      'paramRef.namespace must not be provided for a cluster-scoped `paramKind`',
    ],
  ])('%j by %j are refused', (kind, ref, namespace, text) => {
    expect(collect(kind, ref, namespace)).toBe(text);
  });

  test('are copies: an expression sees the kind, and the cache is as it was', () => {
    collect(configMap, { name: 'limits' });
    expect(stored['configmaps']?.[0]).not.toHaveProperty('kind');
  });
});

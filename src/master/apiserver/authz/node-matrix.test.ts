/**
 * A node's rights, all of them: what a genuine kube-apiserver 1.20.2 answered (testdata), and where we answer
 * otherwise.
 */
import { objectKey } from '../../../api/facts/keys.js';
import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubeObject } from '../../../api/object.js';
import { Entry } from '../cache/entry.js';
import { ResourceCache } from '../cache/resource-cache.js';
import type { Attributes } from './attributes.js';
import { chain } from './authorizers.js';
import { NodeAuthorizer } from './node-authorizer.js';
import type { Caches } from './node-graph.js';

const testdata = join(process.cwd(), 'src/master/apiserver/authz/testdata');
const read = (name: string): string => readFileSync(join(testdata, name), 'utf8');

const resourceOf: Readonly<Record<string, string>> = {
  Pod: 'pods',
  PersistentVolume: 'persistentvolumes',
  VolumeAttachment: 'storage.k8s.io/volumeattachments',
  Ingress: 'networking.k8s.io/ingresses',
};

function cachesOf(objects: readonly KubeObject[]): Caches {
  const caches = new Map<string, ResourceCache>();
  const cache = (id: string): ResourceCache => {
    const found = caches.get(id) ?? new ResourceCache(id);
    found.getters = { 'spec.nodeName': (object) => specOf(object)['nodeName'] ?? '' };
    caches.set(id, found);
    return found;
  };
  const entries = new Map<string, Entry[]>();
  for (const object of objects) {
    const id = resourceOf[object.kind ?? ''] ?? object.kind ?? '';
    const { namespace, name } = object.metadata;
    const key = objectKey({ namespace, name });
    const entry = Entry.fromStored(key, Buffer.from(JSON.stringify(object)), 1);
    entries.set(id, [...(entries.get(id) ?? []), entry]);
  }
  for (const [id, list] of entries) cache(id).reset(list, 1);
  return { cache };
}

function specOf(object: KubeObject): Record<string, string | undefined> {
  return (object as KubeObject & { spec?: Record<string, string> }).spec ?? {};
}

interface Asked {
  readonly what: string;
  readonly verb: string;
  readonly attributes: Attributes;
  readonly wanted: string;
}

const node = { name: 'system:node:matrix-a', groups: ['system:nodes'] };

function* asked(): Generator<Asked> {
  for (const line of read('node-matrix.txt').trim().split('\n')) {
    const colon = line.indexOf(': ');
    const [full = '', namespace = '', name = ''] = line.slice(0, colon).split(' ');
    const [, resource = '', subresource = '', group = ''] =
      /^([a-z]+)(?:\/([a-z]+))?(?:\.(.+))?$/.exec(full) ?? [];
    const star = (text: string): string => (text === '*' ? '' : text);
    for (const part of line.slice(colon + 2).split('; ')) {
      const equals = part.lastIndexOf(' = ');
      for (const verb of part.slice(equals + 3).split(' ')) {
        const at = { group, version: 'v1', resource, subresource, path: '', isResource: true };
        const place = {
          namespace: star(namespace),
          name: namespace === '*' && name === 'new' ? 'new' : star(name),
        };
        const attributes = { ...at, ...place, user: node, verb };
        yield { what: line.slice(0, colon), verb, attributes, wanted: part.slice(0, equals) };
      }
    }
  }
}

const reads = ['get', 'list', 'watch'];

/** The answers that differ from those of 1.20.2, with the reasons. */
const differences: readonly {
  readonly because: string;
  readonly what: RegExp;
  readonly verbs: readonly string[];
  readonly ours: RegExp;
}[] = [
  {
    because: 'a worker follows pods, namespaces and policies, as the network plugin of a node does',
    what: /^(namespaces|networkpolicies\.networking\.k8s\.io) /,
    verbs: reads,
    ours: /^yes$/,
  },
  {
    because: 'a worker routes to the endpoints of services, as kube-proxy does',
    what: /^endpointslices\.discovery\.k8s\.io /,
    verbs: reads,
    ours: /^yes$/,
  },
  {
    because: 'a worker serves Ingresses and says where, as an ingress controller does',
    what: /^(ingresses|ingressclasses)\.networking\.k8s\.io /,
    verbs: reads,
    ours: /^yes$/,
  },
  {
    because: 'a worker serves Ingresses and says where, as an ingress controller does',
    what: /^ingresses\/status\.networking\.k8s\.io /,
    verbs: ['update', 'patch'],
    ours: /^yes$/,
  },
  {
    because: 'a worker finds the masters by their Leases',
    what: /^leases\.coordination\.k8s\.io kube-system /,
    verbs: reads,
    ours: /^yes$/,
  },
  {
    because: 'a worker follows the volumes of the local-path provisioner; volumes are no secret',
    what: /^persistentvolumes \* /,
    verbs: ['list', 'watch'],
    ours: /^yes$/,
  },
];

describe('the node authorizer', () => {
  test('answers as kube-apiserver, but for what is listed', async () => {
    const objects = JSON.parse(read('node-objects.json')) as KubeObject[];
    const authorization = chain([new NodeAuthorizer(cachesOf(objects))]);
    const unlisted: string[] = [];
    const seen = new Set<number>();
    let count = 0;
    for (const { what, verb, attributes, wanted } of asked()) {
      count++;
      const { allowed, reason } = await authorization.decide(attributes);
      const ours = allowed ? 'yes' : `no (${reason})`;
      if (ours === wanted) continue;
      const listed = differences.findIndex(
        (row) => row.what.test(what) && row.verbs.includes(verb) && row.ours.test(ours),
      );
      seen.add(listed);
      if (listed < 0) unlisted.push(`${verb} ${what}: ${ours}, not ${wanted}`);
    }
    expect(unlisted).toEqual([]);
    expect(count).toBeGreaterThan(5_000);
    expect(differences.filter((_row, index) => !seen.has(index))).toEqual([]);
  });

  const secret = (user: typeof node, namespace: string, name: string): Attributes => ({
    user,
    verb: 'get',
    isResource: true,
    group: '',
    version: 'v1',
    resource: 'secrets',
    subresource: '',
    namespace,
    name,
    path: '',
  });
  const named = (name: string): object => ({ valueFrom: { secretKeyRef: { name, key: 'k' } } });
  const pod = (name: string, env: object, metadata: object = {}): KubeObject =>
    ({
      kind: 'Pod',
      metadata: { name, namespace: 'a', ...metadata },
      spec: { nodeName: 'matrix-a', containers: [{ name: 'c', env: [{ name: 'E', ...env }] }] },
    }) as KubeObject;
  const objects = [
    pod('real', named('real')),
    pod('mirror', named('mirror'), { annotations: { 'kubernetes.io/config.mirror': 'x' } }),
    {
      kind: 'Pod',
      metadata: { name: 'claims', namespace: 'a' },
      spec: {
        nodeName: 'matrix-a',
        containers: [],
        volumes: [{ name: 'v', ephemeral: { volumeClaimTemplate: {} } }],
      },
    },
    {
      kind: 'PersistentVolume',
      metadata: { name: 'pv' },
      spec: {
        claimRef: { namespace: 'a', name: 'claims-v' },
        csi: {
          nodeStageSecretRef: { namespace: 'b', name: 'stage' },
          controllerPublishSecretRef: { namespace: 'b', name: 'controller' },
        },
      },
    },
    {
      kind: 'Ingress',
      metadata: { name: 'i', namespace: 'a' },
      spec: { tls: [{ secretName: 'tls' }] },
    },
  ] as KubeObject[];

  test.each([
    ['a pod', node, 'a', 'real', true],
    ['a mirror pod, which the node has written itself', node, 'a', 'mirror', false],
    ['a volume of a claim of a pod', node, 'b', 'stage', true],
    ['a volume, for the controllers', node, 'b', 'controller', false],
    ['an Ingress', node, 'a', 'tls', true],
    ['an Ingress of another namespace', node, 'b', 'tls', false],
    ['a pod, asked by somebody of that name only', { ...node, groups: [] }, 'a', 'real', false],
    [
      'a pod, asked by a node without a name',
      { ...node, name: 'system:node:' },
      'a',
      'real',
      false,
    ],
    ['a pod, asked by another node', { ...node, name: 'system:node:b' }, 'a', 'real', false],
  ])('a Secret named by %s', async (_name, user, namespace, name, wanted) => {
    const authorization = chain([new NodeAuthorizer(cachesOf(objects))]);
    expect((await authorization.decide(secret(user, namespace, name))).allowed).toBe(wanted);
  });
});

/**
 * Records a genuine kube-apiserver's answers about a node's rights: `node
 * dist/test/conformance/oracle/record-node-matrix.js FILE`, where FILE is the administrator's kubeconfig as JSON. It
 * makes the objects of `node-objects.json`, asks, and removes them.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Ask } from './client.js';
import { connectByFile } from './client.js';
import { answerLine, matrixNode, questions, verbs } from './node-questions.js';

const testdata = 'src/master/apiserver/authz/testdata';

interface Item {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

const plurals: Readonly<Record<string, string>> = {
  Namespace: 'namespaces',
  Node: 'nodes',
  ServiceAccount: 'serviceaccounts',
  Secret: 'secrets',
  ConfigMap: 'configmaps',
  PersistentVolume: 'persistentvolumes',
  PersistentVolumeClaim: 'persistentvolumeclaims',
  Pod: 'pods',
  VolumeAttachment: 'volumeattachments',
};

function collectionOf({ apiVersion, kind, metadata }: Item): string {
  const root = apiVersion.includes('/') ? '/apis' : '/api';
  const home = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${root}/${apiVersion}${home}/${plurals[kind] ?? ''}`;
}

async function make(ask: Ask, items: readonly Item[]): Promise<void> {
  for (const item of items) {
    const { code, body } = await ask('POST', collectionOf(item), { body: item });
    if (code !== 201 && code !== 409) throw new Error(`${item.kind}: ${JSON.stringify(body)}`);
  }
}

async function remove(ask: Ask, items: readonly Item[]): Promise<void> {
  for (const item of items.toReversed()) {
    const path = `${collectionOf(item)}/${item.metadata.name}`;
    await ask('DELETE', path, { body: { gracePeriodSeconds: 0 } });
  }
}

async function record(ask: Ask): Promise<string[]> {
  const lines: string[] = [];
  for (const question of questions()) {
    const answers = new Map<string, string>();
    for (const verb of verbs) {
      const { body } = await ask('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
        body: {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SubjectAccessReview',
          spec: {
            user: `system:node:${matrixNode}`,
            groups: ['system:nodes'],
            resourceAttributes: { ...question, verb, version: 'v1' },
          },
        },
      });
      const status = body['status'] as { allowed?: boolean; reason?: string } | undefined;
      if (status === undefined) throw new Error(JSON.stringify(body));
      answers.set(verb, status.allowed === true ? 'yes' : `no (${status.reason ?? ''})`);
    }
    lines.push(answerLine(question, answers));
  }
  return lines;
}

const ask = connectByFile(process.argv[2] ?? '');
const items = JSON.parse(readFileSync(`${testdata}/node-objects.json`, 'utf8')) as Item[];
await make(ask, items);
try {
  const lines = await record(ask);
  writeFileSync(`${testdata}/node-matrix.txt`, `${lines.join('\n')}\n`);
} finally {
  await remove(ask, items);
}

import { expect, test } from '@jest/globals';
import type { RequestShape } from './shapes.js';
import { clientSigner, kubeletClientSigner, kubeletServingSigner, refusal } from './shapes.js';

const node: RequestShape = {
  commonName: 'system:node:a',
  organizations: ['system:nodes'],
  hosts: [],
  otherNames: [],
  usages: ['digital signature', 'client auth'],
};
const serving = { ...node, hosts: ['a'], usages: ['digital signature', 'server auth'] };
const masters = { ...node, organizations: ['x', 'system:masters'] };

test.each([
  ['a node', kubeletClientSigner, node, undefined],
  ['another group', kubeletClientSigner, { ...node, organizations: ['x'] }, 'organization'],
  ['another name', kubeletClientSigner, { ...node, commonName: 'a' }, 'common name'],
  ['hosts', kubeletClientSigner, { ...node, hosts: ['a'] }, 'subjectAltNames'],
  ['a server', kubeletClientSigner, { ...serving, hosts: [] }, 'client auth'],
  ['no signature', kubeletClientSigner, { ...node, usages: ['client auth'] }, 'digital signature'],
  ['a URI', kubeletClientSigner, { ...node, otherNames: ['spiffe://x'] }, 'URI'],
  ['serving a URI', kubeletServingSigner, { ...serving, otherNames: ['spiffe://x'] }, 'URI'],
  ['an administrator', clientSigner, masters, 'system:masters group is not allowed'],
  ['an administrator that serves', kubeletServingSigner, masters, 'system:masters'],
  ['serving', kubeletServingSigner, serving, undefined],
  ['serving nothing', kubeletServingSigner, { ...serving, hosts: [] }, 'is required'],
  ['anybody', clientSigner, { ...node, commonName: 'x', organizations: [] }, undefined],
  ['too much', clientSigner, { ...node, usages: ['client auth', 'any'] }, '"any"'],
  ['somebody else', 'example.com/x', node, 'not served'],
] as const)('%s', (_name, signer, shape, wanted) => {
  const reason = refusal(signer, shape);
  if (wanted === undefined) expect(reason).toBeUndefined();
  else expect(reason).toContain(wanted);
});

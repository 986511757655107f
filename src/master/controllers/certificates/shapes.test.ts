import { expect, test } from '@jest/globals';
import type { RequestShape } from './shapes.js';
import { clientSigner, kubeletClientSigner, kubeletServingSigner, refusal } from './shapes.js';

const node: RequestShape = {
  commonName: 'system:node:a',
  organizations: ['system:nodes'],
  hosts: [],
  usages: ['digital signature', 'client auth'],
};
const serving = { ...node, hosts: ['a'], usages: ['server auth'] };

test.each([
  ['a node', kubeletClientSigner, node, undefined],
  ['another group', kubeletClientSigner, { ...node, organizations: ['x'] }, 'organization'],
  ['another name', kubeletClientSigner, { ...node, commonName: 'a' }, 'common name'],
  ['hosts', kubeletClientSigner, { ...node, hosts: ['a'] }, 'subjectAltNames'],
  ['a server', kubeletClientSigner, { ...node, usages: ['server auth'] }, 'client auth'],
  ['serving', kubeletServingSigner, serving, undefined],
  ['serving nothing', kubeletServingSigner, { ...serving, hosts: [] }, 'at least one'],
  ['anybody', clientSigner, { ...node, commonName: 'x', organizations: [] }, undefined],
  ['too much', clientSigner, { ...node, usages: ['client auth', 'any'] }, '"any"'],
  ['somebody else', 'example.com/x', node, 'not served'],
] as const)('%s', (_name, signer, shape, wanted) => {
  const reason = refusal(signer, shape);
  if (wanted === undefined) expect(reason).toBeUndefined();
  else expect(reason).toContain(wanted);
});

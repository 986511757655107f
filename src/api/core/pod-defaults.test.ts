/** The pull policy that a genuine kube-apiserver 1.20.2 gave each image. */
import { expect, test } from '@jest/globals';
import { defaultPullPolicy } from './pod-defaults.js';

const digest = `sha256:${'a'.repeat(64)}`;

test.each([
  ['nginx', 'Always'],
  ['nginx:latest', 'Always'],
  ['nginx:1', 'IfNotPresent'],
  [`nginx:latest@${digest}`, 'Always'],
  [`nginx@${digest}`, 'IfNotPresent'],
  [`nginx:1@${digest}`, 'IfNotPresent'],
  ['host:5000/x', 'Always'],
  ['host:5000/x:latest', 'Always'],
  ['x/y/z:1', 'IfNotPresent'],
  ['Nginx', 'IfNotPresent'],
  ['Nginx:latest', 'IfNotPresent'],
  ['a b', 'IfNotPresent'],
  ['nginx:', 'IfNotPresent'],
  ['x'.repeat(256), 'IfNotPresent'],
])('%s', (image, policy) => {
  expect(defaultPullPolicy(image)).toBe(policy);
});

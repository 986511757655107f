import { describe, expect, test } from '@jest/globals';
import { imageIdOf, normalizeImageReference } from './image-reference.js';

const digest = `sha256:${'a'.repeat(64)}`;

describe('normalizeImageReference', () => {
  test.each([
    ['busybox', 'docker.io/library/busybox:latest'],
    ['busybox:1.36', 'docker.io/library/busybox:1.36'],
    ['bitnami/redis', 'docker.io/bitnami/redis:latest'],
    ['docker.io/busybox', 'docker.io/library/busybox:latest'],
    ['index.docker.io/busybox', 'docker.io/library/busybox:latest'],
    ['registry.local/nginx:1', 'registry.local/nginx:1'],
    ['localhost/x', 'localhost/x:latest'],
    ['localhost:5000/x/y:t', 'localhost:5000/x/y:t'],
    ['[::1]:5000/x', '[::1]:5000/x:latest'],
    [`busybox@${digest}`, `docker.io/library/busybox@${digest}`],
    [`busybox:1@${digest}`, `docker.io/library/busybox:1@${digest}`],
  ])('%s', (given, wanted) => {
    expect(normalizeImageReference(given)).toBe(wanted);
    expect(normalizeImageReference(wanted)).toBe(wanted);
  });

  test.each(['', 'UPPER', 'a b', 'busybox:', 'a//b', 'a/b:t:u', 'x@sha256:12', '-x'])(
    '%p is refused with kubelet’s reason',
    (given) => {
      expect(() => normalizeImageReference(given)).toThrow(/invalid reference format/);
    },
  );

  test('the image id is the repository with the digest', () => {
    expect(imageIdOf('busybox:1.36', digest)).toBe(`docker.io/library/busybox@${digest}`);
  });
});

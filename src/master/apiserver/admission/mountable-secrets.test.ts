import { expect, test } from '@jest/globals';
import type { Pod, ServiceAccount } from '../../../api/types/core.js';
import { unmountableSecret } from './mountable-secrets.js';

const account = {
  metadata: { name: 'sa' },
  secrets: [{ name: 'ok' }],
  imagePullSecrets: [{ name: 'pull' }],
} as ServiceAccount;

const container = (more: object): object => ({ name: 'c', image: 'i', ...more });
const tail = 'is not allowed because service account sa does not reference that';

test.each<[string, object, string | undefined]>([
  ['nothing', { containers: [container({})] }, undefined],
  [
    'what is listed',
    {
      containers: [container({ envFrom: [{ secretRef: { name: 'ok' } }] })],
      volumes: [{ name: 'v', secret: { secretName: 'ok' } }],
      imagePullSecrets: [{ name: 'pull' }],
    },
    undefined,
  ],
  [
    'a volume',
    { containers: [], volumes: [{ name: 'v', secret: { secretName: 'x' } }] },
    `volume with secret.secretName="x" ${tail} secret`,
  ],
  [
    'a projected volume',
    {
      containers: [],
      volumes: [{ name: 'v', projected: { sources: [{ secret: { name: 'x' } }] } }],
    },
    `volume with secret.secretName="x" ${tail} secret`,
  ],
  [
    'the environment',
    {
      containers: [
        container({ env: [{ name: 'E', valueFrom: { secretKeyRef: { name: 'x', key: 'k' } } }] }),
      ],
    },
    `container c with envVar E referencing secret.secretName="x" ${tail} secret`,
  ],
  [
    'the environment of an init container',
    { containers: [], initContainers: [container({ envFrom: [{ secretRef: { name: 'x' } }] })] },
    `init container c with envFrom referencing secret.secretName="x" ${tail} secret`,
  ],
  [
    'pulling images',
    { containers: [], imagePullSecrets: [{ name: 'pull' }, { name: 'ok' }] },
    `imagePullSecrets[1].name="ok" ${tail} imagePullSecret`,
  ],
])('an account that limits its Secrets: %s', (_name, spec, wanted) => {
  expect(unmountableSecret({ metadata: { name: 'p' }, spec } as Pod, account)).toBe(wanted);
});

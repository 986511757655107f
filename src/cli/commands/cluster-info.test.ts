import { expect, test } from '@jest/globals';
import type { Service } from '../../api/types/core.js';
import { addressOf } from './cluster-info.js';

const proxy = 'https://m:6443/api/v1/namespaces/kube-system/services';

test.each([
  ['one unnamed port', [{ port: 80 }], [], `${proxy}/dns/proxy`],
  ['a named port', [{ port: 80, name: 'web' }, { port: 81 }], [], `${proxy}/dns:web/proxy`],
  ['a port of https', [{ port: 443 }], [], `${proxy}/https:dns:/proxy`],
  ['a port named https', [{ port: 1, name: 'https' }], [], `${proxy}/https:dns:https/proxy`],
  ['no port', [], [], `${proxy}/dns/proxy`],
  [
    'a load balancer',
    [{ port: 1 }, { port: 2 }],
    [{ ip: '1.2.3.4' }],
    'http://1.2.3.4:1 http://1.2.3.4:2 ',
  ],
  ['one with a name', [{ port: 1 }], [{ hostname: 'lb' }], 'http://lb:1 '],
])('%s', (_, ports, ingress, expected) => {
  const service = {
    metadata: { name: 'dns', namespace: 'kube-system' },
    spec: { ports },
    status: { loadBalancer: { ingress } },
  } as unknown as Service;
  expect(addressOf(service, 'https://m:6443')).toBe(expected);
});

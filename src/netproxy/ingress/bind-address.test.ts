import { expect, test } from '@jest/globals';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../../lib/clock.js';
import { Balancer } from '../userspace/balancer.js';
import { TcpProxy } from '../userspace/tcp-proxy.js';
import { listening } from '../when-free.js';
import { ingressAddress } from './bind-address.js';

const node = { nodeIp: '127.0.0.2', isRoot: true, ingress: {} } as const;

test.each([
  ['iptables', true, '0.0.0.0'],
  ['none', true, '0.0.0.0'],
  ['userspace', false, '0.0.0.0'],
  ['userspace', true, '127.0.0.2'],
] as const)('in mode %s, root %s', (mode, isRoot, address) => {
  expect(ingressAddress({ ...node, mode, isRoot })).toBe(address);
  const ingress = { bindAddress: '127.0.0.1' };
  expect(ingressAddress({ ...node, mode, isRoot, ingress })).toBe('127.0.0.1');
});

test('a Service has the port of the ingress at its own address', async () => {
  const ingress = createServer();
  await listening(ingress, { host: ingressAddress({ ...node, mode: 'userspace' }), port: 0 });
  const { port } = ingress.address() as AddressInfo;
  const service = new TcpProxy(new Balancer(), systemClock());
  await service.listen('127.0.0.3', port);
  await service.close();
  ingress.close();
});

import { expect, test } from '@jest/globals';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ManualClock } from '../../lib/clock.js';
import { runHook } from './hooks.js';

test('the request of a hook is spelled as that of a probe', async () => {
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    seen.push(request);
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const httpHeaders = [
    { name: 'X-A', value: '1' },
    { name: 'x-a', value: '2' },
  ];
  try {
    await runHook(
      { httpGet: { port: 'web', path: 'going down?x=1', httpHeaders } },
      {
        container: { name: 'c', ports: [{ name: 'web', containerPort: port }] },
        podIp: '127.0.0.1',
        clock: new ManualClock(),
        timeoutMs: 1000,
        execSync: async () => ({ exitCode: 1, output: '', timedOut: false }),
      },
    );
  } finally {
    server.close();
  }
  const [request] = seen;
  expect(request?.url).toBe('/going%20down?x=1');
  expect(request?.headersDistinct['x-a']).toEqual(['1', '2']);
  expect(request?.headers['user-agent']).toBe('kube-lifecycle/1.33');
});

import { describe, expect, test } from '@jest/globals';
import type { ServicePort } from '../model/service-model.js';
import { buildServicePorts } from '../model/service-model.js';
import type { ServiceFields } from '../testkit/service-cluster.js';
import { serviceOf, sliceOf } from '../testkit/service-cluster.js';
import { forgetFlows, staleFlows } from './conntrack.js';

function dns(at: readonly string[], more: Partial<ServiceFields> = {}): ServicePort {
  const protocol = 'UDP';
  const fields = { clusterIP: '10.96.0.10', ports: [{ port: 53, protocol }], ...more };
  const slice = sliceOf('kube-system/dns', { ports: [{ port: 1053, protocol }], at });
  const [port] = buildServicePorts(serviceOf('kube-system/dns', fields), [slice], 'n1');
  return port!;
}

const lines = (before?: ServicePort, after?: ServicePort): string[] =>
  staleFlows(before, after).map((words) => words.join(' '));

describe('flows to forget', () => {
  test('those to an endpoint that has gone, by each address of the service', () => {
    const more = {
      type: 'NodePort',
      externalIPs: ['203.0.113.7'],
      ports: [{ port: 53, nodePort: 30053, protocol: 'UDP' }],
    };
    const before = dns(['10.244.1.9 n1', '10.244.2.9 n2'], more);
    expect(lines(before, dns(['10.244.1.9 n1'], more))).toEqual([
      '-D --orig-dst 10.96.0.10 --dst-nat 10.244.2.9 -p udp',
      '-D --orig-dst 203.0.113.7 --dst-nat 10.244.2.9 -p udp',
      '-D -p udp --dport 30053 --dst-nat 10.244.2.9',
    ]);
  });

  test('all to a service that has its first endpoint: they began when nobody served', () => {
    expect(lines(dns([]), dns(['10.244.1.9 n1']))).toEqual(['-D --orig-dst 10.96.0.10 -p udp']);
    expect(lines(undefined, dns(['10.244.1.9 n1']))).toEqual(['-D --orig-dst 10.96.0.10 -p udp']);
  });

  test('all of a service that has gone', () => {
    expect(lines(dns(['10.244.1.9 n1']), undefined)).toEqual([
      '-D --orig-dst 10.96.0.10 --dst-nat 10.244.1.9 -p udp',
    ]);
  });

  test('none where endpoints only come or stay', () => {
    const before = dns(['10.244.1.9 n1']);
    expect(lines(before, before)).toEqual([]);
    expect(lines(before, dns(['10.244.1.9 n1', '10.244.2.9 n2']))).toEqual([]);
    expect(lines(undefined, undefined)).toEqual([]);
  });

  test('none over TCP, whose connections end by themselves', () => {
    const tcp = { ...dns(['10.244.1.9 n1']), protocol: 'TCP' as const };
    expect(lines(tcp, undefined)).toEqual([]);
  });
});

test('that nothing was there to forget is no failure', async () => {
  const calls: string[] = [];
  await forgetFlows(
    (program, args) => {
      calls.push([program, ...args].join(' '));
      return Promise.resolve({ code: 1, stdout: '', stderr: '0 flow entries have been deleted.' });
    },
    [
      ['-D', '-p', 'udp'],
      ['-D', '-p', 'sctp'],
    ],
  );
  expect(calls).toEqual(['conntrack -D -p udp', 'conntrack -D -p sctp']);
});

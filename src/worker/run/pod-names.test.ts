import { expect, test } from '@jest/globals';
import type { Pod } from '../../api/types/core.js';
import { podResolver } from './dns-config.js';
import { hostnameOf, managedHosts } from './pod-files.js';

/** A pod as a laxer API may have stored it. */
const hostile: Pod = {
  metadata: { name: 'p', namespace: 'ns' },
  spec: {
    containers: [],
    hostname: 'h\n6.6.6.6\tkubernetes.default.svc',
    subdomain: 's\tx',
    hostAliases: [
      { ip: '1.1.1.1\n6.6.6.6 evil', hostnames: ['a'] },
      { ip: '1.1.1.2', hostnames: ['b\n6.6.6.6 evil', 'c'] },
      { ip: '1.1.1.3', hostnames: ['c d'] },
      { ip: '1.1.1.4', hostnames: ['#e'] },
      { ip: '1.1.1.5', hostnames: ['fine'] },
    ],
    dnsPolicy: 'None',
    dnsConfig: {
      nameservers: ['9.9.9.9', '1.1.1.1\noptions rotate'],
      searches: ['fine.local', 'a\nnameserver 6.6.6.6', 'b c', ''],
      options: [
        { name: 'ndots', value: '2' },
        { name: 'a\nnameserver', value: '6.6.6.6' },
        { name: 'b', value: '1\nnameserver 6.6.6.6' },
        { name: 'edns0' },
        { name: '' },
      ],
    },
  },
};

test('no text of a pod adds a line or a word to its resolv.conf', () => {
  const none = { nameservers: [], searches: [], options: [] };
  const text = podResolver(hostile, none, { address: '10.96.0.10', domain: 'cluster.local' });
  expect(text).toBe('search fine.local\nnameserver 9.9.9.9\noptions ndots:2 edns0\n');
});

test('no text of a pod adds a line or a word to its hosts file', () => {
  const text = managedHosts({ pod: hostile, ips: ['10.0.0.1'], domain: 'cluster.local' });
  const own = text.split('\n').slice(7);
  expect(own).toEqual(['10.0.0.1\tp', '', '# Entries added by HostAliases.', '1.1.1.5\tfine', '']);
});

test.each<[Partial<Pod['spec']>, string]>([
  [{}, 'p'],
  [{ hostname: 'h' }, 'h'],
  [{ hostname: 'h', subdomain: 's' }, 'h'],
  [{ setHostnameAsFQDN: true }, 'p'],
  [{ hostname: 'h', subdomain: 's', setHostnameAsFQDN: true }, 'h.s.ns.svc.cluster.local'],
  [{ subdomain: 's', setHostnameAsFQDN: true, hostNetwork: true }, 'n1'],
])('the machine of a pod with %j is called %s', (spec, expected) => {
  const pod: Pod = { metadata: { name: 'p', namespace: 'ns' }, spec: { containers: [], ...spec } };
  expect(hostnameOf(pod, { nodeName: 'n1', domain: 'cluster.local' })).toBe(expected);
});

test('a name that the kernel does not take is refused', () => {
  // 23 characters follow it.
  const spec = {
    containers: [],
    hostname: 'h'.repeat(43),
    subdomain: 's',
    setHostnameAsFQDN: true,
  };
  const pod: Pod = { metadata: { name: 'p', namespace: 'ns' }, spec };
  expect(() => hostnameOf(pod, { nodeName: 'n1', domain: 'cluster.local' })).toThrow(
    'is too long (64 characters is the max, 66 characters requested)',
  );
});

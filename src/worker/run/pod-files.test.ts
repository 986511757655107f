import { expect, test } from '@jest/globals';
import type { Pod } from '../../api/types/core.js';
import { podResolver } from './dns-config.js';
import { managedHosts, PodFiles } from './pod-files.js';

const podWith = (spec: object): Pod => ({
  metadata: { name: 'p', namespace: 'ns', uid: 'u' },
  spec: { containers: [], ...spec },
});

test('aliases that would begin a line of their own are left out', () => {
  const hosts = managedHosts({
    pod: podWith({
      hostAliases: [
        { ip: '10.0.0.1', hostnames: ['good', 'better'] },
        { ip: '10.0.0.2', hostnames: ['x\n6.6.6.6 bank.example'] },
        { ip: '10.0.0.3\t6.6.6.6', hostnames: ['y'] },
        { ip: '10.0.0.4', hostnames: ['a b'] },
      ],
    }),
    ips: ['10.244.0.2'],
    domain: 'cluster.local',
  });
  expect(hosts.split('# Entries added by HostAliases.\n')[1]).toBe('10.0.0.1\tgood\tbetter\n');
});

test('search domains, servers and options of one word each, and not too many', () => {
  const long = Array.from({ length: 40 }, (_, index) => `${'d'.repeat(90)}${index}.example`);
  const text = podResolver(
    podWith({
      dnsPolicy: 'None',
      dnsConfig: {
        nameservers: ['10.0.0.10', '10.0.0.11\nnameserver 6.6.6.6'],
        searches: ['ok.example', 'x\nnameserver 6.6.6.6', 'two words', ...long],
        options: [{ name: 'ndots', value: '2' }, { name: 'a\nb' }, { name: 'c', value: 'd e' }],
      },
    }),
    { nameservers: [], searches: [], options: [] },
    { address: '10.96.0.10', domain: 'cluster.local' },
  );
  const [search = '', ...rest] = text.trimEnd().split('\n');
  expect(rest).toEqual(['nameserver 10.0.0.10', 'options ndots:2']);
  expect(search.startsWith('search ok.example ddd')).toBe(true);
  expect(search.length - 'search '.length).toBeLessThanOrEqual(2048);
});

test.each(['', '..', '../x', 'a/b'])('a pod cannot have the uid %j', (uid) => {
  expect(() => new PodFiles('/data').directory(uid)).toThrow('is not a file name');
});

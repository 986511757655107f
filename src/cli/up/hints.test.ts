import { expect, test } from '@jest/globals';
import { join } from 'node:path';
import { packageRoot } from '../home.js';
import { renderHints } from './hints.js';
import type { Layout } from './hosts.js';

const layout: Layout = {
  home: '/h',
  masters: 3,
  workers: 2,
  runtime: 'containerd',
  network: { bridge: 'tri0000', prefix: '10.88.0' },
  extraArguments: { master: [], worker: [] },
};
const hosts = [
  { role: 'master', address: '10.88.0.11' },
  { role: 'worker', address: '10.88.0.101' },
] as const;

test('what to try, with the names and addresses of this cluster', () => {
  const home = join(packageRoot, '.trireme');
  const text = renderHints({ ...layout, home }, { leader: 'master-2', hosts, example: true });
  expect(text.replaceAll(home, '/checkout/.trireme')).toBe(`
The cluster runs: 3 masters (leader: master-2), 2 workers, runtime containerd.

  export KUBECONFIG=/checkout/.trireme/kubeconfig
  kubectl get nodes,pods -A -o wide
  bin/trireme cluster watch            # who leads; in a second terminal
  bin/trireme cluster kill-leader      # and another one is elected
  scripts/up                           # starts what does not run
  . /checkout/.trireme/etcd.env && etcdctl endpoint status -w table
  curl -H 'Host: web.example.com' http://10.88.0.101:80/ # in namespace example
  scripts/down --purge                 # stops it and takes everything back

`);
});

test('every command means the home that was asked for', () => {
  const text = renderHints(layout, { leader: 'master-2', hosts, example: false });
  const commands = text.split('\n').filter((line) => /bin\/trireme|scripts\//.test(line));
  expect(commands).toEqual([
    '  bin/trireme cluster watch --kubeconfig /h/kubeconfig # who leads; in a second terminal',
    '  bin/trireme cluster kill-leader --home /h # and another one is elected',
    '  scripts/up --home /h                 # starts what does not run',
    '  scripts/down --home /h --purge       # stops it and takes everything back',
  ]);
  const strange = renderHints(
    { ...layout, home: "/it's/my home" },
    { leader: undefined, hosts, example: false },
  );
  expect(strange).toContain(`scripts/down --home '/it'\\''s/my home' --purge`);
  expect(strange).toContain(`export KUBECONFIG='/it'\\''s/my home/kubeconfig'`);
});

test('without an example, a leader, or networks of their own', () => {
  const shared = { ...layout, network: undefined, runtime: 'process' };
  const text = renderHints(shared, { leader: undefined, hosts, example: false });
  expect(text).toContain('3 masters (leader: nobody yet), 2 workers, runtime process.');
  expect(text).not.toContain('curl');
  expect(renderHints(shared, { leader: 'm', hosts, example: true })).toContain(
    'http://10.88.0.101:8080/',
  );
});

import { expect, test } from '@jest/globals';
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
  expect(renderHints(layout, { leader: 'master-2', hosts, example: true })).toBe(`
The cluster runs: 3 masters (leader: master-2), 2 workers, runtime containerd.

  export KUBECONFIG=/h/kubeconfig
  kubectl get nodes,pods -A -o wide
  bin/trireme cluster watch            # who leads; then kill a master and look again
  kill -9 $(jq '.hosts[] | select(.name == "master-2").pid' /h/cluster.json)
  . /h/etcd.env && etcdctl endpoint status -w table
  curl -H 'Host: web.example.com' http://10.88.0.101:80/   # the example, in namespace example

  scripts/down --purge                 # stops it and takes everything back

`);
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

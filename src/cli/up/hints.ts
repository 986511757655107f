import { join } from 'node:path';
import type { HostRecord } from '../home.js';
import { exampleNamespace } from './example.js';
import type { Layout } from './hosts.js';

/**
 * Renders the commands to try with a cluster that runs.
 * @param leader the name of the store's leader; undefined while there is none
 */
export function renderHints(
  layout: Layout,
  running: {
    readonly leader: string | undefined;
    readonly hosts: readonly Pick<HostRecord, 'role' | 'address'>[];
    /** Whether the example is applied. */
    readonly example: boolean;
  },
): string {
  const { home, masters, workers, runtime, network } = layout;
  const leader = running.leader ?? 'nobody yet';
  const worker = running.hosts.find((host) => host.role === 'worker');
  const lines = [
    '',
    `The cluster runs: ${masters} masters (leader: ${leader}), ${workers} workers, runtime ${runtime}.`,
    '',
    `  export KUBECONFIG=${join(home, 'kubeconfig')}`,
    '  kubectl get nodes,pods -A -o wide',
    '  bin/trireme cluster watch            # who leads; then kill a master and look again',
    `  kill -9 $(jq '.hosts[] | select(.name == "${leader}").pid' ${join(home, 'cluster.json')})`,
    `  . ${join(home, 'etcd.env')} && etcdctl endpoint status -w table`,
  ];
  if (running.example && worker !== undefined) {
    const url = `http://${worker.address}:${network === undefined ? 8080 : 80}/`;
    const about = `# the example, in namespace ${exampleNamespace}`;
    lines.push(`  curl -H 'Host: web.example.com' ${url}   ${about}`);
  }
  lines.push('', '  scripts/down --purge                 # stops it and takes everything back', '');
  return `${lines.join('\n')}\n`;
}

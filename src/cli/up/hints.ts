import { join } from 'node:path';
import type { HostRecord } from '../home.js';
import { homeFlag, shellWord } from '../home.js';
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
    /** True when the example is applied. */
    readonly example: boolean;
  },
): string {
  const { home, masters, workers, runtime, network } = layout;
  const leader = running.leader ?? 'nobody yet';
  const worker = running.hosts.find((host) => host.role === 'worker');
  const file = (name: string): string => shellWord(join(home, name));
  const flag = homeFlag(home);
  const watched = flag === '' ? '' : ` --kubeconfig ${file('kubeconfig')}`;
  const commands: (readonly [command: string, about?: string])[] = [
    [`export KUBECONFIG=${file('kubeconfig')}`],
    ['kubectl get nodes,pods -A -o wide'],
    [`bin/trireme cluster watch${watched}`, 'who leads; in a second terminal'],
    [`bin/trireme cluster kill-leader${flag}`, 'and another one is elected'],
    [`scripts/up${flag}`, 'starts what does not run'],
    [`. ${file('etcd.env')} && etcdctl endpoint status -w table`],
  ];
  if (running.example && worker !== undefined) {
    const url = `http://${worker.address}:${network === undefined ? 8080 : 80}/`;
    commands.push([`curl -H 'Host: web.example.com' ${url}`, `in namespace ${exampleNamespace}`]);
  }
  commands.push([`scripts/down${flag} --purge`, 'stops it and takes everything back']);
  const lines = commands.map(([command, about]) =>
    about === undefined ? `  ${command}` : `  ${command.padEnd(36)} # ${about}`,
  );
  return `
The cluster runs: ${masters} masters (leader: ${leader}), ${workers} workers, runtime ${runtime}.

${lines.join('\n')}

`;
}

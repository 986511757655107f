import { join } from 'node:path';
import { readKeyPair } from '../../master/cluster/pki.js';
import { writeWhole } from '../home.js';
import type { KubeconfigContext } from '../kubeconfig.js';
import { formatKubeconfig } from '../kubeconfig.js';
import type { Layout } from './hosts.js';
import { masterAddress, masterPorts } from './hosts.js';

/** `kubeconfig` (context `trireme`, and one per master) and `etcd.env` (exports for etcdctl) in the home. */
export async function writeClientFiles(layout: Layout): Promise<void> {
  const pki = join(layout.home, 'master-1', 'pki');
  const [{ cert: ca }, admin] = await Promise.all([
    readKeyPair(pki, 'ca'),
    readKeyPair(pki, 'admin'),
  ]);
  const masters = Array.from({ length: layout.masters }, (_, n) => ({
    name: `master-${n + 1}`,
    address: masterAddress(layout, n),
    ports: masterPorts(layout, n),
  }));
  const grpcOf = ({ address, ports }: (typeof masters)[number]): string =>
    `${address}:${ports.grpc}`;
  const contexts: KubeconfigContext[] = [
    {
      name: 'trireme',
      server:
        layout.network === undefined
          ? `https://${masters[0]?.address ?? ''}:${masters[0]?.ports.rest ?? 0}`
          : `https://${layout.network.prefix}.1:6443`,
      grpc: masters.map(grpcOf),
    },
    ...masters.map((master) => ({
      name: master.name,
      server: `https://${master.address}:${master.ports.rest}`,
      grpc: [grpcOf(master)],
    })),
  ];
  const text = formatKubeconfig({ contexts, user: 'kubernetes-admin', ca, ...admin });
  await writeWhole(join(layout.home, 'kubeconfig'), text, 0o600);
  const endpoints = masters
    .map(({ address, ports }) => `https://${address}:${ports.etcdClient}`)
    .join(',');
  const variables = {
    ETCDCTL_API: '3',
    ETCDCTL_ENDPOINTS: endpoints,
    ETCDCTL_CACERT: join(pki, 'etcd-ca.crt'),
    ETCDCTL_CERT: join(pki, 'apiserver-etcd-client.crt'),
    ETCDCTL_KEY: join(pki, 'apiserver-etcd-client.key'),
  };
  const lines = Object.entries(variables).map(([name, value]) => `export ${name}='${value}'\n`);
  await writeWhole(join(layout.home, 'etcd.env'), lines.join(''), 0o600);
}

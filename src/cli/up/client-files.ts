import { join } from 'node:path';
import type { Clock } from '../../lib/clock.js';
import type { KeyPair } from '../../lib/pki/certificates.js';
import { validityOf } from '../../lib/pki/validity.js';
import { readKeyPair, renewAdminCertificate } from '../../master/cluster/pki.js';
import { writeWhole } from '../../lib/files/write-whole.js';
import type { KubeconfigContext } from '../kubeconfig.js';
import { formatKubeconfig } from '../kubeconfig.js';
import type { Layout } from './hosts.js';
import { masterAddress, masterPorts } from './hosts.js';

/** A third of the year that a certificate holds. */
const renewBeforeMs = 120 * 86_400_000;

/**
 * Writes `kubeconfig` (context `trireme`, and one per master) and `etcd.env` (exports for etcdctl) in the home.
 * @param pki the keys of a master that is part of the cluster
 */
export async function writeClientFiles(layout: Layout, pki: string, clock: Clock): Promise<void> {
  const [authority, admin] = await Promise.all([readKeyPair(pki, 'ca'), adminKeyPair(pki, clock)]);
  const { cert: ca } = authority;
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
  await writeWhole(join(layout.home, 'kubeconfig'), text);
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
  await writeWhole(join(layout.home, 'etcd.env'), lines.join(''));
}

/**
 * The administrator's certificate, made anew before it ends: the first master makes one at each start, and may have run
 * for long.
 */
async function adminKeyPair(pki: string, clock: Clock): Promise<KeyPair> {
  const known = await readKeyPair(pki, 'admin');
  const leftMs = validityOf(known.cert).toMs - clock.nowMs();
  return leftMs > renewBeforeMs ? known : renewAdminCertificate(pki, clock);
}

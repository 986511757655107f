/** The thread with the API server; it serves joining and the cluster's status as well. */
import { join } from 'node:path';
import { createApiClient } from '../../client/index.js';
import { BootstrapDefinition, ClusterDefinition } from '../../gen/cluster.js';
import { systemClock } from '../../lib/clock.js';
import { createLogger } from '../../lib/create-logger.js';
import { publicKeyHash } from '../../lib/pki/public-key-hash.js';
import { clientTlsFromFiles } from '../../lib/pki/tls-files.js';
import { runApiserver } from '../../master/apiserver/cmd.js';
import { createBootstrapHandlers } from '../../master/cluster/bootstrap-service.js';
import { clusterAuthorizer, clusterPath } from '../../master/cluster/cluster-access.js';
import { createClusterHandlers } from '../../master/cluster/cluster-service.js';
import { readAuthority } from '../../master/cluster/pki.js';
import { EtcdAdmin } from '../../master/cluster/etcd-admin.js';
import { observeOverHttp } from '../../master/cluster/observe-over-http.js';
import { Observers } from '../../master/cluster/observers.js';
import type { ClusterSettings } from '../../master/cluster/settings.js';

/** The settings that the master gives its API server, beyond the flags that the API server knows. */
export interface ApiserverThreadFlags {
  readonly name: string;
  readonly pkiDirectory: string;
  readonly grpcPort: number;
  readonly etcdUrl: string;
  readonly clusterToken: string;
  readonly settings: ClusterSettings;
  readonly apiserver: readonly string[];
}

/** @param argv one JSON text: {@link ApiserverThreadFlags} */
export async function main(argv: readonly string[]): Promise<number> {
  const flags = JSON.parse(argv[0] ?? '{}') as ApiserverThreadFlags;
  const clock = systemClock();
  const log = createLogger({ component: 'cluster' });
  const file = (name: string): string => join(flags.pkiDirectory, name);
  const adminTls = clientTlsFromFiles(
    { ca: file('ca.crt'), cert: file('admin.crt'), key: file('admin.key') },
    { clock, log },
  );
  const storeTls = clientTlsFromFiles(
    {
      ca: file('etcd-ca.crt'),
      cert: file('apiserver-etcd-client.crt'),
      key: file('apiserver-etcd-client.key'),
    },
    { clock, log },
  );
  const servers = [`127.0.0.1:${flags.grpcPort}`];
  const client = createApiClient({ servers, tls: adminTls, log, clock });
  const store = new EtcdAdmin({ endpoints: [flags.etcdUrl], tls: storeTls, log, clock });
  const observers = new Observers({ client, store, clock, name: flags.name });
  const code = await runApiserver(flags.apiserver, {
    streams: new Map([[clusterPath, observeOverHttp(observers)]]),
    extendGrpc: (server, authorization) => {
      server.addService(
        BootstrapDefinition,
        createBootstrapHandlers({ client, store, clock, log, ...flags }),
      );
      server.addService(
        ClusterDefinition,
        createClusterHandlers({
          client,
          store,
          clock,
          name: flags.name,
          caHash: async () => publicKeyHash((await readAuthority(flags.pkiDirectory, 'ca')).cert),
          observers,
          authorize: clusterAuthorizer(authorization),
        }),
      );
    },
  });
  adminTls.stop();
  storeTls.stop();
  return code;
}

import { join } from 'node:path';
import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import { clientTlsFromFiles } from '../../lib/pki/tls-files.js';
import { EtcdAdmin } from '../../master/cluster/etcd-admin.js';
import type { MasterState } from './join.js';
import { peerUrl, pkiDirectory } from './join.js';
import type { MasterOptions } from './options.js';

const retryMs = 100;

/** Our store member joins as one that does not vote; once it has caught up with the leader it is made to. */
export async function promoteOwnMember(options: {
  readonly options: MasterOptions;
  readonly state: MasterState;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { clock, log, signal } = options;
  const file = (name: string): string => join(pkiDirectory(options.options), name);
  const tls = clientTlsFromFiles(
    {
      ca: file('etcd-ca.crt'),
      cert: file('apiserver-etcd-client.crt'),
      key: file('apiserver-etcd-client.key'),
    },
    { clock, log },
  );
  // A member that does not vote answers little: the others are asked first.
  const local = `https://127.0.0.1:${options.options.ports.etcdClient}`;
  const endpoints = [...options.state.storeEndpoints, local];
  const store = new EtcdAdmin({ endpoints, tls, log, clock });
  try {
    while (!signal.aborted) {
      try {
        const members = await store.memberList();
        const own = members.find((member) => member.peerUrls.includes(peerUrl(options.options)));
        if (own !== undefined && !own.learner) return;
        if (own !== undefined) {
          await store.memberPromote(own.id);
          log.info({}, 'the store member was promoted to a voter');
          return;
        }
      } catch (error) {
        log.debug({ error }, 'the store member is not promoted yet');
      }
      await delay(clock, retryMs, signal);
    }
  } finally {
    store.close();
    tls.stop();
  }
}

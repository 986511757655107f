import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import { EtcdAdmin } from '../../master/cluster/etcd-admin.js';
import type { MasterState } from './join.js';
import { peerUrl, pkiDirectory } from './join.js';
import type { MasterOptions } from './options.js';

const retryMs = 100;

/** A client of the store with all rights. A member that does not vote answers little: the others are asked first. */
async function connectStore(
  options: MasterOptions,
  state: MasterState,
  clock: Clock,
  log: Logger,
): Promise<EtcdAdmin> {
  const pki = pkiDirectory(options);
  const [ca, cert, key] = await Promise.all([
    readFile(join(pki, 'etcd-ca.crt')),
    readFile(join(pki, 'apiserver-etcd-client.crt')),
    readFile(join(pki, 'apiserver-etcd-client.key')),
  ]);
  return new EtcdAdmin({
    endpoints: [...state.storeEndpoints, `https://127.0.0.1:${options.ports.etcdClient}`],
    tls: { ca, cert, key },
    log,
    clock,
  });
}

/** Our store member joins as one that does not vote; once it has caught up with the leader it is made to. */
export async function promoteOwnMember(options: {
  readonly options: MasterOptions;
  readonly state: MasterState;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { clock, log, signal } = options;
  const store = await connectStore(options.options, options.state, clock, log);
  try {
    while (!signal.aborted) {
      try {
        const members = await store.memberList();
        const own = members.find((member) => member.peerUrls.includes(peerUrl(options.options)));
        if (own !== undefined && !own.learner) return;
        if (own !== undefined) {
          await store.memberPromote(own.id);
          log.info({}, 'the store member votes now');
          return;
        }
      } catch (error) {
        log.debug({ error }, 'the store member is not promoted yet');
      }
      await delay(clock, retryMs, signal);
    }
  } finally {
    store.close();
  }
}

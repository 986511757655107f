import { join } from 'node:path';
import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import { clientTlsFromFiles } from '../../lib/pki/tls-files.js';
import { EtcdAdmin } from '../../master/cluster/etcd-admin.js';
import type { StoreMember } from '../../master/cluster/store-admin.js';
import type { MasterState } from './join.js';
import { peerUrl, pkiDirectory } from './join.js';
import type { MasterOptions } from './options.js';

const retryMs = 100;
const statusDeadlineMs = 500;

/** What is to be done before the own member of the store is reached and votes. */
export type MemberStep =
  | { readonly step: 'wait' | 'none' }
  | { readonly step: 'promote'; readonly member: StoreMember }
  | { readonly step: 'move'; readonly member: StoreMember };

/**
 * Decides the next step for the own member.
 * @param own its id, once it answers: by it a member is found whose address has changed
 */
export function nextMemberStep(
  members: readonly StoreMember[],
  own: { readonly id: bigint | undefined; readonly peerUrl: string },
): MemberStep {
  const member =
    members.find(({ id }) => id === own.id) ??
    members.find(({ peerUrls }) => peerUrls.includes(own.peerUrl));
  if (member === undefined) return { step: 'wait' };
  if (!member.peerUrls.includes(own.peerUrl)) return { step: 'move', member };
  return member.learner ? { step: 'promote', member } : { step: 'none' };
}

/**
 * Settles the own store member: it joins as one that does not vote, and is promoted once it has caught up with the
 * leader; and where this master has another address than before, the others are told where to reach it.
 */
export async function settleOwnMember(options: {
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
  const local = `https://127.0.0.1:${options.options.ports.etcdClient}`;
  const connectTo = (others: readonly string[]): EtcdAdmin =>
    // A member that does not vote, or that nobody reaches, answers little: the others are asked first.
    new EtcdAdmin({ endpoints: [...others, local], tls, log, clock });
  const store = connectTo(options.state.storeEndpoints);
  const url = peerUrl(options.options);
  try {
    while (!signal.aborted) {
      try {
        const id = await store.status(local, statusDeadlineMs).then(
          (status) => status.id,
          () => undefined,
        );
        const members = await store.memberList();
        const next = nextMemberStep(members, { id, peerUrl: url });
        if (next.step === 'none') return;
        if (next.step === 'promote') {
          await store.memberPromote(next.member.id);
          log.info({}, 'the store member was promoted to a voter');
          return;
        }
        if (next.step === 'move') {
          const others = members.filter(({ id: other }) => other !== next.member.id);
          await move(connectTo(others.flatMap(({ clientUrls }) => clientUrls)), next.member, url);
          log.info({ from: next.member.peerUrls, to: url }, 'the store member has a new address');
        }
      } catch (error) {
        log.debug({ error }, 'the store member is not settled yet');
      }
      await delay(clock, retryMs, signal);
    }
  } finally {
    store.close();
    tls.stop();
  }
}

async function move(store: EtcdAdmin, member: StoreMember, to: string): Promise<void> {
  try {
    await store.memberUpdate(member.id, [to]);
  } finally {
    store.close();
  }
}

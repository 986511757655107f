import type { Message, MsgSnap, RaftNode } from '../../raft/index.js';
import type { Backend } from '../backend/types.js';
import type { Clock } from '../../lib/clock.js';
import type { PeerNetwork } from '../peer/types.js';
import type { SnapshotKeeper } from '../snapshots/snapshot-keeper.js';
import type { SelfReport } from './self-report.js';

/** The member that sends. */
export interface SendingMember {
  readonly config: { readonly clock: Clock };
  readonly node: Pick<RaftNode, 'reportSnapshot'>;
  readonly snapshots: Pick<SnapshotKeeper, 'send'>;
  readonly backend: Backend;
  readonly report: Pick<SelfReport, 'tell'>;
  readonly stopped: boolean;
  /** Undefined until the member has started. */
  readonly openNetwork: PeerNetwork | undefined;
  wake(): void;
  fail(error: unknown): void;
}

/** Sends the messages of Raft; those with a snapshot are followed by its file, on a stream of their own. */
export function sendMessages(member: SendingMember, messages: readonly Message[]): void {
  const network = member.openNetwork;
  if (network === undefined) return;
  for (const message of messages) {
    if (message.type !== 'MsgSnap') continue;
    sendSnapshot(member, message, network).catch((error: unknown) => member.fail(error));
  }
  network.send(messages.filter((message) => message.type !== 'MsgSnap'));
}

/**
 * Sends a snapshot, and tells Raft how that has ended. While an older one is still on its way to the follower nothing
 * is sent or told: the end of that one says when Raft may go on.
 */
async function sendSnapshot(
  member: SendingMember,
  message: MsgSnap,
  network: PeerNetwork,
): Promise<void> {
  const { to, snapshot } = message;
  const { clock } = member.config;
  const beganMs = clock.monotonicMs();
  const sent = await member.snapshots.send(message, member.backend, network);
  if (member.stopped || sent === 'busy') return;
  const durationMs = clock.monotonicMs() - beganMs;
  const isThere = sent === 'delivered';
  const kind = isThere ? 'snapshotDelivered' : 'snapshotFailed';
  member.report.tell({ kind, peer: to, index: snapshot.metadata.index, durationMs });
  member.node.reportSnapshot(to, isThere ? 'finished' : 'failed');
  member.wake();
}

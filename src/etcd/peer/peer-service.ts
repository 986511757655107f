import type {
  HashKVRequest,
  HashKVResponse,
  LeaseTimeToLiveRequest,
  LeaseTimeToLiveResponse,
  MemberPromoteRequest,
  MemberPromoteResponse,
} from '../../gen/etcd/rpc.js';
import type {
  LeaseRenewRequest,
  LeaseRenewResponse,
  MembersResponse,
  MessageAck,
  SnapshotAck,
  SnapshotChunk,
} from '../../gen/raft.js';
import { unixPath } from '../../lib/member-url.js';
import type { CallContext, Duplex, Handlers } from '../../lib/grpc/types.js';
import type { Message } from '../../raft/index.js';
import { etcdError } from '../apply/errors.js';
import type { NetworkMetrics } from '../telemetry/network-metrics.js';
import { callerBindsProposals, callerLogVersion, checkCaller, checkNamedCaller } from './caller.js';
import { messageSizeBytes } from './message-codec.js';
import { receiveSnapshot } from './snapshot-stream.js';
import type { PeerHost } from './types.js';
import type { peerDefinition } from './peer-definition.js';

/** The service that members offer each other (trireme.raft.v1.Peer). */
export class PeerService implements Handlers<typeof peerDefinition> {
  readonly #host: PeerHost;
  readonly #metrics: NetworkMetrics;

  constructor(host: PeerHost, metrics: NetworkMetrics) {
    this.#host = host;
    this.#metrics = metrics;
  }

  async messages(
    stream: Duplex<readonly Message[], MessageAck>,
    context: CallContext,
  ): Promise<void> {
    const from = await this.#admitted(context);
    const received = this.#metrics.receivedFrom(from);
    // Says that the stream is taken; nothing else ever comes back on it.
    stream.send({});
    const logVersion = callerLogVersion(context);
    const bindsProposals = callerBindsProposals(context);
    this.#host.streamOpened(from, { urls: urlsIn(context), logVersion, bindsProposals });
    try {
      for await (const messages of stream) {
        if (this.#host.isRemoved(from)) throw etcdError('memberRemoved');
        for (const message of messages) {
          received.bytes(messageSizeBytes(message));
          this.#host.step(message);
        }
      }
    } catch (error) {
      received.failed();
      throw error;
    } finally {
      this.#host.streamEnded(from);
    }
  }

  async snapshot(stream: AsyncIterable<SnapshotChunk>, context: CallContext): Promise<SnapshotAck> {
    const receipt = this.#metrics.snapshotReceipt(await this.#admitted(context));
    try {
      const { directory, name } = this.#host.newSnapshotPath();
      const { message, path } = await receiveSnapshot(stream, directory, name);
      await this.#host.snapshotReceived(message, path);
      receipt(true);
      return {};
    } catch (error) {
      receipt(false);
      throw error;
    }
  }

  async #admitted(context: CallContext): Promise<bigint> {
    const from = checkCaller(context, this.#host);
    this.#host.checkLogVersion(from, callerLogVersion(context));
    await this.#host.admit(from);
    return from;
  }

  /** Who asks may not be a member yet. */
  members(): MembersResponse {
    return this.#host.members();
  }

  async leaseRenew({ ID }: LeaseRenewRequest, context: CallContext): Promise<LeaseRenewResponse> {
    checkNamedCaller(context, this.#host);
    return { TTL: await this.#host.renewLease(ID) };
  }

  leaseTimeToLive(
    { ID, keys }: LeaseTimeToLiveRequest,
    context: CallContext,
  ): LeaseTimeToLiveResponse {
    checkNamedCaller(context, this.#host);
    return this.#host.leaseTimeToLive(ID, keys);
  }

  async memberPromote(
    { ID }: MemberPromoteRequest,
    context: CallContext,
  ): Promise<MemberPromoteResponse> {
    checkNamedCaller(context, this.#host);
    await this.#host.promoteMember(ID);
    return { header: undefined, members: [] };
  }

  async hashKV({ revision }: HashKVRequest, context: CallContext): Promise<HashKVResponse> {
    checkNamedCaller(context, this.#host);
    return this.#host.hashKV(revision);
  }
}

/** The most addresses of a member that are listened to. */
const urlsMax = 16;

/** Reads the addresses that the caller gives; text that cannot be an address is left out. */
function urlsIn(context: CallContext): string[] {
  const text = context.metadata.get('peer-urls');
  if (typeof text !== 'string') return [];
  const isAddress = (url: string): boolean =>
    unixPath(url) !== undefined || /^https?:\/\/./.test(url);
  return text.split(',', urlsMax).filter((url) => isAddress(url) && URL.canParse(url));
}

import { ClusterDefinition, MaintenanceDefinition } from '../../gen/etcd/rpc.js';
import { TelemetryDefinition } from '../../gen/telemetry.js';
import type { MemberReport, WatchRequest } from '../../gen/telemetry.js';
import type { Clock } from '../../lib/clock.js';
import type { Channel, ChannelTls } from '../../lib/grpc/index.js';
import { Code, createGrpcChannel, GrpcError, isGrpcError } from '../../lib/grpc/index.js';
import type { Logger } from '../../lib/log.js';
import type { TlsSource } from '../../lib/pki/tls-source.js';
import type { StoreAdmin, StoreMember, StoreMemberStatus, StoreTelemetry } from './store-admin.js';

/** For calls that change the membership: they wait for an election. */
const changeDeadlineMs = 5000;

/**
 * {@link StoreAdmin} and {@link StoreTelemetry} of any etcd v3 cluster. It knows the endpoints it was given and those
 * of the members that it has seen, and asks the next one when one is not available.
 */
export class EtcdAdmin implements StoreAdmin, StoreTelemetry {
  readonly #tls: TlsSource<ChannelTls> | undefined;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #channels = new Map<string, Channel>();
  #endpoints: readonly string[];

  constructor(options: {
    /** `https://host:port` */
    readonly endpoints: readonly string[];
    readonly tls?: TlsSource<ChannelTls>;
    readonly log: Logger;
    readonly clock: Clock;
  }) {
    this.#endpoints = options.endpoints;
    this.#tls = options.tls;
    this.#log = options.log;
    this.#clock = options.clock;
  }

  async memberList(): Promise<readonly StoreMember[]> {
    const { members } = await this.#any((channel) =>
      channel.client(ClusterDefinition).memberList({ linearizable: false }, { deadlineMs: 1000 }),
    );
    const seen = members.flatMap((member) => member.clientURLs);
    this.#endpoints = [...new Set([...this.#endpoints, ...seen])];
    return members.map((member) => ({
      id: member.ID,
      name: member.name,
      peerUrls: member.peerURLs,
      clientUrls: member.clientURLs,
      learner: member.isLearner,
    }));
  }

  async memberAddAsLearner(peerUrl: string): Promise<bigint> {
    const { member } = await this.#any((channel) =>
      channel
        .client(ClusterDefinition)
        .memberAdd({ peerURLs: [peerUrl], isLearner: true }, { deadlineMs: changeDeadlineMs }),
    );
    return member?.ID ?? 0n;
  }

  async memberPromote(id: bigint): Promise<void> {
    await this.#any((channel) =>
      channel.client(ClusterDefinition).memberPromote({ ID: id }, { deadlineMs: changeDeadlineMs }),
    );
  }

  async memberUpdate(id: bigint, peerUrls: readonly string[]): Promise<void> {
    const request = { ID: id, peerURLs: [...peerUrls] };
    await this.#any((channel) =>
      channel.client(ClusterDefinition).memberUpdate(request, { deadlineMs: changeDeadlineMs }),
    );
  }

  async memberRemove(id: bigint): Promise<void> {
    await this.#any((channel) =>
      channel.client(ClusterDefinition).memberRemove({ ID: id }, { deadlineMs: changeDeadlineMs }),
    );
  }

  async moveLeader(clientUrl: string, target: bigint): Promise<void> {
    await this.#channel(clientUrl)
      .client(MaintenanceDefinition)
      .moveLeader({ targetID: target }, { deadlineMs: changeDeadlineMs });
  }

  async status(clientUrl: string, deadlineMs: number): Promise<StoreMemberStatus> {
    if (clientUrl === '') throw new GrpcError(Code.Unavailable, 'the member has not started yet');
    const status = await this.#channel(clientUrl)
      .client(MaintenanceDefinition)
      .status({}, { deadlineMs });
    return {
      id: status.header?.memberId ?? 0n,
      leader: status.leader,
      term: status.raftTerm,
      raftIndex: status.raftIndex,
      appliedIndex: status.raftAppliedIndex,
      revision: status.header?.revision ?? 0,
      dbSizeBytes: status.dbSize,
      version: status.version,
      errors: status.errors,
    };
  }

  /** Yields the bytes of a snapshot file, as one member makes it. */
  async *snapshot(clientUrl: string, signal: AbortSignal): AsyncIterable<Uint8Array> {
    const channel = this.#connect(clientUrl);
    try {
      for await (const { blob } of channel.client(MaintenanceDefinition).snapshot({}, { signal })) {
        yield blob;
      }
    } finally {
      channel.close();
    }
  }

  async *watchTelemetry(
    clientUrl: string,
    request: WatchRequest,
    signal: AbortSignal,
  ): AsyncIterable<MemberReport> {
    const channel = this.#connect(clientUrl);
    try {
      yield* channel.client(TelemetryDefinition).watch(request, { signal });
    } finally {
      channel.close();
    }
  }

  close(): void {
    for (const channel of this.#channels.values()) channel.close();
  }

  #channel(url: string): Channel {
    let channel = this.#channels.get(url);
    if (channel === undefined) {
      channel = this.#connect(url);
      this.#channels.set(url, channel);
    }
    return channel;
  }

  #connect(url: string): Channel {
    const target = url.replace(/^https?:\/\//, '');
    const tls = url.startsWith('https:') ? this.#tls : undefined;
    return createGrpcChannel({
      target,
      log: this.#log,
      clock: this.#clock,
      connectTimeoutMs: 700,
      ...(tls === undefined ? {} : { tls }),
    });
  }

  async #any<T>(run: (channel: Channel) => Promise<T>): Promise<T> {
    let last: unknown;
    for (const endpoint of this.#endpoints) {
      try {
        return await run(this.#channel(endpoint));
      } catch (error) {
        if (!isGrpcError(error) || error.code !== Code.Unavailable) throw error;
        last = error;
      }
    }
    throw last;
  }
}

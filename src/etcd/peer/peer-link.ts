import { delay } from '../../lib/clock.js';
import type { Clock } from '../../lib/clock.js';
import { Code, createGrpcChannel, isGrpcError } from '../../lib/grpc/index.js';
import type { Channel, ChannelTls, Client, ClientDuplex } from '../../lib/grpc/index.js';
import type { MessageAck } from '../../gen/raft.js';
import type { Logger } from '../../lib/log.js';
import type { TlsSource } from '../../lib/pki/tls-source.js';
import { targetOf } from '../../lib/member-url.js';
import type { Message } from '../../raft/index.js';
import { asEtcdError } from '../apply/errors.js';
import { peerQueueBytes, peerQueueMessages } from '../guards/limits.js';
import type { NetworkMetrics, PeerMetrics } from '../telemetry/network-metrics.js';
import { callerMetadata } from './caller.js';
import { messageSizeBytes } from './message-codec.js';
import type { PeerAddress, PeerEvents } from './types.js';
import { peerDefinition } from './peer-definition.js';

type MessageStream = ClientDuplex<MessageAck, readonly Message[]>;

/** Waits between attempts to connect. */
const backoffMsMin = 20;
const backoffMsMax = 500;
const connectTimeoutMs = 1000;
/** The connection to a removed member is closed after this time. */
const retireMs = 1000;

/** Options that all links of a member share. */
export interface LinkOptions {
  readonly localId: bigint;
  readonly clusterId: bigint;
  /** The newest log version that this member knows. */
  readonly logVersion: number;
  /** The addresses of this member: a peer may not know them yet. */
  readonly localUrls: () => readonly string[];
  readonly events: PeerEvents;
  readonly clock: Clock;
  readonly log: Logger;
  readonly tls: TlsSource<ChannelTls> | undefined;
  readonly metrics: NetworkMetrics;
}

/** The outgoing stream to one peer: a channel and, on it, one long-lived stream of message batches. */
export class PeerLink {
  #peer: PeerAddress;
  readonly #options: LinkOptions;
  #channel: Channel;
  #urlAt = 0;
  /** The open channel still goes to an address that the peer has given up. */
  #moved = false;
  #stream: MessageStream | undefined;
  #sinceMs: number | undefined;
  #queue: Message[] = [];
  #queueBytes = 0;
  /** The stream's buffer is full: messages wait in the queue. */
  #blocked = false;
  readonly #abort = new AbortController();
  #refusal = '';
  /** Ends the wait before the next attempt. */
  #pause: AbortController | undefined;
  readonly #metrics: PeerMetrics;

  constructor(peer: PeerAddress, options: LinkOptions) {
    this.#peer = peer;
    this.#options = options;
    this.#metrics = options.metrics.peer(options.localId, peer.id);
    this.#channel = this.#newChannel();
    void this.#run();
  }

  get peer(): PeerAddress {
    return this.#peer;
  }

  get connectedSinceMs(): number | undefined {
    return this.#sinceMs;
  }

  get client(): Client<typeof peerDefinition> {
    return this.#channel.client(peerDefinition);
  }

  /**
   * The peer has other addresses now. A connection that works is kept until it breaks, as in etcd: an update to an
   * address where nobody listens must not cut off a member that is well.
   */
  moveTo(peer: PeerAddress): void {
    this.#peer = peer;
    this.#urlAt = 0;
    if (this.#stream === undefined) this.#renewChannel();
    else this.#moved = true;
  }

  /** For a member that was removed: what is on its way, the removal itself above all, still arrives. */
  retire(): void {
    const { clock } = this.#options;
    this.flush();
    clock.schedule(retireMs, () => this.close());
  }

  close(): void {
    this.#abort.abort();
    this.#pause?.abort();
    this.#stream?.cancel();
    this.#channel.close();
  }

  /** The peer lives: if this link waits before it tries again, it tries now. */
  retryNow(): void {
    this.#pause?.abort();
  }

  /** Queues within bounds until the end of the turn; drops, and says so, when the peer is slow or away. */
  send(message: Message): void {
    if (this.#stream === undefined) {
      this.#dropped(message);
      return;
    }
    const bytes = messageSizeBytes(message);
    if (
      this.#queue.length >= peerQueueMessages ||
      (this.#queueBytes > 0 && this.#queueBytes + bytes > peerQueueBytes)
    ) {
      this.#dropped(message);
      return;
    }
    this.#queue.push(message);
    this.#queueBytes += bytes;
    this.#metrics.sent(bytes);
  }

  #dropped(message: Message): void {
    this.#metrics.sendFailed(message.type === 'MsgHeartbeat');
    this.#options.events.onDropped(message);
  }

  /** Sends what this turn has gathered as one batch. */
  flush(): void {
    const stream = this.#stream;
    if (this.#blocked || stream === undefined || this.#queue.length === 0) return;
    const messages = this.#queue;
    this.#queue = [];
    this.#queueBytes = 0;
    const mayGoOn = stream.send(messages);
    if (mayGoOn) return;
    this.#blocked = true;
    void stream.drained().then(() => {
      this.#blocked = false;
      if (this.#stream === stream) this.flush();
    });
  }

  #newChannel(): Channel {
    const url = this.peer.urls[this.#urlAt % this.peer.urls.length] ?? '';
    const { tls, log, clock } = this.#options;
    return createGrpcChannel({
      target: targetOf(url),
      ...(url.startsWith('https:') && tls !== undefined ? { tls } : {}),
      log,
      clock,
      connectTimeoutMs,
      keepAliveMs: 5000,
      onPing: (ms) => this.#metrics.roundTrip(ms),
    });
  }

  async #run(): Promise<void> {
    const { events } = this.#options;
    const { signal } = this.#abort;
    let waitMs = 0;
    while (!signal.aborted) {
      try {
        await this.#channel.connect();
        await this.#stayOpen();
        waitMs = 0;
      } catch (error) {
        if (signal.aborted) return;
        const refusal = asEtcdError(error)?.code;
        if (refusal === 'memberRemoved') events.onRemoved();
        if (refusal === 'logVersionUnknown') events.onOutdated();
        this.#report(error);
        events.onPeerLost(this.peer.id);
        waitMs = Math.min(Math.max(backoffMsMin, waitMs * 2), backoffMsMax);
        if (this.peer.urls.length > 1) this.#nextUrl();
      }
      if (this.#moved) this.#renewChannel();
      if (waitMs > 0 && (await this.#wait(waitMs)) === 'cut') waitMs = 0;
    }
  }

  /** A peer that answers and does not take us in is a mistake that somebody must know of: said once. */
  #report(error: unknown): void {
    const { log } = this.#options;
    const refused =
      isGrpcError(error) &&
      (error.code === Code.FailedPrecondition || error.code === Code.NotFound);
    if (!refused || this.#refusal === error.message) {
      log.debug({ peer: this.peer.urls, error }, 'a peer cannot be reached');
      return;
    }
    this.#refusal = error.message;
    log.warn({ peer: this.peer.urls, reason: error.message }, 'a peer refuses this member');
  }

  /** @returns `cut` when somebody ended it before its time */
  async #wait(waitMs: number): Promise<'over' | 'cut'> {
    const pause = new AbortController();
    this.#pause = pause;
    await delay(this.#options.clock, waitMs, pause.signal);
    this.#pause = undefined;
    return pause.signal.aborted ? 'cut' : 'over';
  }

  #nextUrl(): void {
    this.#urlAt++;
    this.#renewChannel();
  }

  #renewChannel(): void {
    this.#moved = false;
    this.#channel.close();
    this.#channel = this.#newChannel();
  }

  /** Opens the stream and returns when it has ended. The peer's first answer says that it took us in. */
  async #stayOpen(): Promise<void> {
    const { localId, clusterId, logVersion, localUrls, events, clock, log } = this.#options;
    const caller = callerMetadata({ clusterId, from: localId, to: this.peer.id, logVersion });
    const metadata = new Map([...caller, ['peer-urls', localUrls().join()]]);
    const stream = this.client.messages({ metadata });
    try {
      for await (const ack of stream) {
        if (this.#stream !== undefined || ack === undefined) continue;
        this.#stream = stream;
        this.#sinceMs = clock.monotonicMs();
        this.#blocked = false;
        this.#metrics.connected();
        events.onPeerConnected(this.peer.id);
      }
    } catch (error) {
      if (this.#stream === undefined) throw error;
      log.debug({ peer: this.peer.urls, error }, 'the stream to a peer broke');
    } finally {
      if (this.#stream !== undefined) this.#metrics.disconnected();
      this.#stream = undefined;
      this.#sinceMs = undefined;
      const unsent = this.#queue;
      this.#queue = [];
      this.#queueBytes = 0;
      stream.cancel();
      for (const message of unsent) this.#dropped(message);
    }
  }
}

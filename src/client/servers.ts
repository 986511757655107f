import type { Clock } from '../lib/clock.js';
import { delay } from '../lib/clock.js';
import type { Channel, ChannelTls } from '../lib/grpc/index.js';
import { Code, createGrpcChannel, isGrpcError } from '../lib/grpc/index.js';
import type { Logger } from '../lib/log.js';
import type { TlsSource } from '../lib/pki/tls-source.js';

/** The masters that a client may turn to. */
export interface ServersOptions {
  /** `host:port` of every master's gRPC. */
  readonly servers: readonly string[];
  readonly tls?: TlsSource<ChannelTls>;
  readonly log: Logger;
  readonly clock: Clock;
  /** The time for which a call looks for a master that answers. @default 10,000 */
  readonly patienceMs?: number;
  /** Makes the channel to a master. @default gRPC over HTTP/2 */
  readonly connect?: (target: string) => Channel;
}

/** After every master has failed once, this long until the next round. */
const roundPauseMs = 100;

/** The masters: one is used until it fails, then the next. */
export class Servers {
  readonly #options: ServersOptions;
  readonly #channels = new Map<string, Channel>();
  #targets: readonly string[];
  #current = 0;

  constructor(options: ServersOptions) {
    this.#options = options;
    this.#targets = [...options.servers];
    if (this.#targets.length === 0) throw new TypeError('no API server is named');
  }

  get targets(): readonly string[] {
    return this.#targets;
  }

  /** Learns the masters of now; the one in use stays if it is still among them. */
  setTargets(targets: readonly string[]): void {
    if (targets.length === 0) return;
    const inUse = this.#targets[this.#current];
    this.#targets = [...targets];
    this.#current = Math.max(0, inUse === undefined ? 0 : this.#targets.indexOf(inUse));
    for (const [target, channel] of this.#channels) {
      if (this.#targets.includes(target)) continue;
      channel.close();
      this.#channels.delete(target);
    }
  }

  /** The channel to the master in use. */
  channel(): Channel {
    return this.#channelTo(this.#targets[this.#current % this.#targets.length] ?? '');
  }

  /** A channel to each master, for who asks all of them. */
  channels(): readonly Channel[] {
    return this.#targets.map((target) => this.#channelTo(target));
  }

  #channelTo(target: string): Channel {
    let channel = this.#channels.get(target);
    if (channel === undefined) {
      channel = this.#options.connect?.(target) ?? this.#connect(target);
      this.#channels.set(target, channel);
    }
    return channel;
  }

  #connect(target: string): Channel {
    const { tls, log, clock } = this.#options;
    return createGrpcChannel({
      target,
      log,
      clock,
      keepAliveMs: 3000,
      connectTimeoutMs: 800,
      ...(tls === undefined ? {} : { tls }),
    });
  }

  /** The channel failed: if it is still the one in use, the next master's turn comes. */
  failed(channel: Channel): void {
    if (this.#targets[this.#current % this.#targets.length] === channel.target) {
      this.#current = (this.#current + 1) % this.#targets.length;
    }
  }

  /**
   * Runs a call, on another master when one is not available and the call surely did not happen, or may happen twice
   * without harm.
   */
  async call<T>(
    run: (channel: Channel) => Promise<T>,
    options: { readonly idempotent: boolean; readonly signal?: AbortSignal | undefined },
  ): Promise<T> {
    const { clock } = this.#options;
    const giveUpMs = clock.monotonicMs() + (this.#options.patienceMs ?? 10_000);
    for (let failures = 1; ; failures++) {
      const channel = this.channel();
      try {
        return await run(channel);
      } catch (error) {
        const movable = isGrpcError(error) && error.code === Code.Unavailable;
        if (!movable || (!error.definite && !options.idempotent)) throw error;
        this.failed(channel);
        if (clock.monotonicMs() >= giveUpMs || options.signal?.aborted === true) throw error;
        if (failures % this.#targets.length === 0) {
          await delay(clock, roundPauseMs, options.signal);
        }
      }
    }
  }

  close(): void {
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
  }
}

import * as net from 'node:net';
import type { Duplex } from 'node:stream';
import * as tls from 'node:tls';
import type { PeerCertificate } from 'node:tls';
import { AgentDefinition } from '../../../gen/agent.js';
import type { Node } from '../../../api/types/core.js';
import type { Clock } from '../../../lib/clock.js';
import type { Channel, Client } from '../../../lib/grpc/index.js';
import { createGrpcChannel } from '../../../lib/grpc/index.js';
import type { Logger } from '../../../lib/log.js';
import { derivedTls } from '../../../lib/pki/tls-source.js';
import type { TlsSource, TrustedPair } from '../../../lib/pki/tls-source.js';
import type { WatchCache } from '../cache/watch-cache.js';
import { internal, notFound } from '../status.js';

/** The client of one node's agent. */
export type AgentClient = Client<typeof AgentDefinition>;

const defaultPort = 10250;
/** kube-apiserver's `--kubelet-preferred-address-types`. */
const addressOrder = ['InternalIP', 'ExternalIP', 'Hostname'];

/** Refuses a certificate that is not the node's. */
function mustBe(node: string): (peer: PeerCertificate) => Error | undefined {
  const wanted = `system:node:${node}`;
  return ({ subject }) =>
    subject.CN === wanted ? undefined : new Error(`the agent's certificate is not ${wanted}'s`);
}

/** Channels to the nodes' agents, one per address, made when first needed. */
export class NodeAgents {
  readonly #watchCache: WatchCache;
  readonly #tls: TlsSource<TrustedPair> | undefined;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #channels = new Map<string, Channel>();

  constructor(options: {
    readonly watchCache: WatchCache;
    readonly tls: TlsSource<TrustedPair> | undefined;
    readonly log: Logger;
    readonly clock: Clock;
  }) {
    this.#watchCache = options.watchCache;
    this.#tls = options.tls;
    this.#log = options.log;
    this.#clock = options.clock;
  }

  /** Where a node's agent listens. @throws StatusError when the node is not known or has no address */
  address(name: string): { readonly host: string; readonly port: number } {
    const node = this.#watchCache.cache('nodes').get(name)?.object<Node>();
    if (node === undefined) throw notFound({ group: '', resource: 'nodes' }, name);
    const addresses = node.status?.addresses ?? [];
    const host = addressOrder
      .map((type) => addresses.find((candidate) => candidate.type === type)?.address)
      .find((found) => found !== undefined);
    if (host === undefined) throw internal(`no preferred addresses found; known addresses: []`);
    return { host, port: node.status?.daemonEndpoints?.kubeletEndpoint?.Port ?? defaultPort };
  }

  /**
   * A connection to the agent for requests over HTTP/1.1. As with calls, it must be that node that answers.
   * @throws StatusError as {@link address}
   */
  dial(name: string): Duplex {
    const { host, port } = this.address(name);
    const pair = this.#tls?.current;
    if (pair === undefined) return net.connect({ host, port });
    return tls.connect({
      host,
      port,
      ...pair,
      ALPNProtocols: ['http/1.1'],
      checkServerIdentity: (_name, certificate) => mustBe(name)(certificate),
    });
  }

  /** @throws StatusError as {@link address} */
  forNode(name: string): AgentClient {
    const { host, port } = this.address(name);
    const target = `${host}:${port}`;
    // The node has written its address itself: who answers there must be that node.
    const key = `${name} ${target}`;
    let channel = this.#channels.get(key);
    if (channel === undefined) {
      channel = createGrpcChannel({
        target,
        log: this.#log,
        clock: this.#clock,
        ...(this.#tls === undefined
          ? {}
          : { tls: derivedTls(this.#tls, (pair) => ({ ...pair, identity: mustBe(name) })) }),
      });
      this.#channels.set(key, channel);
    }
    return channel.client(AgentDefinition);
  }

  close(): void {
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
  }
}

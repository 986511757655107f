import { MemberAttributes } from '../../gen/etcd/internal.js';
import type { EntryKind } from '../apply/entry.js';
import type { RaftNode } from '../../raft/index.js';
import type { ServerConfig } from '../config.js';
import type { Membership } from '../membership/membership.js';
import { ticksOf } from './ticks.js';

/** The member that starts. */
export interface StartUpHost {
  readonly config: Pick<ServerConfig, 'clock' | 'heartbeatMs' | 'name' | 'clientUrls'>;
  readonly memberId: bigint;
  readonly node: Pick<RaftNode, 'leader' | 'term' | 'campaignEarly'>;
  readonly membership: Pick<Membership, 'voters' | 'local'>;
  /** Messages get through in both directions. False for all before the network stands. */
  isConnected(id: bigint): boolean;
  /** Runs the Raft loop at the end of this turn. */
  wake(): void;
  propose(kind: EntryKind, payload: Uint8Array, request: unknown): Promise<unknown>;
  /** The cluster knows the member's name and addresses. */
  onPublished(): void;
}

/** The first moments of a member: gets a leader soon, then tells the cluster its name and addresses. */
export class StartUp {
  readonly #host: StartUpHost;
  /**
   * Since when a quorum can be reached and nobody else asks for votes; the time that another has to win lies before it.
   */
  #quietSinceMs: number | undefined;
  /** As of the last look: it changes when another asks for votes. */
  #term: number;
  /** It has asked for votes, or somebody has led since it started: from then on elections take their usual way. */
  #settled = false;
  #published = false;

  constructor(host: StartUpHost) {
    this.#host = host;
    this.#term = host.node.term;
  }

  /** The cluster is being told, or knows already. */
  get published(): boolean {
    return this.#published;
  }

  /** Once a tick, and when a peer can be reached. */
  tick(): void {
    this.#campaignEarly();
    if (!this.#published) this.#publish();
  }

  /**
   * A member that has just started need not wait a whole election timeout: as soon as a quorum can be reached, the
   * first of it by id asks for votes, the next a little later. With PreVote this disturbs nobody who has a leader. Nor
   * may it disturb one who is just being elected:
   * 1. m2 votes for m1, in term 2, and asks for pre-votes of term 3 before it hears that m1 leads. m3, which has not
   * heard it either, grants.
   * 2. m2 is a candidate of term 3, whom nobody answers: they follow m1 by now. Its term deposes m1 all the same.
   * So a member that has moved to another's term begins to wait once more.
   */
  #campaignEarly(): void {
    const { config, membership, memberId, node } = this.#host;
    const { tickMs } = ticksOf(config.heartbeatMs);
    if (node.leader !== 0n) this.#settled = true;
    if (this.#settled) return;
    const { voters } = membership;
    const reachable = voters.filter(({ id }) => id === memberId || this.#host.isConnected(id));
    if (reachable.length <= voters.length / 2) return;
    const rank = reachable.findIndex(({ id }) => id === memberId);
    if (rank < 0) return;
    const nowMs = config.clock.monotonicMs();
    if (node.term !== this.#term) {
      this.#term = node.term;
      this.#quietSinceMs = nowMs + tickMs;
    }
    this.#quietSinceMs ??= nowMs;
    if (nowMs - this.#quietSinceMs < rank * tickMs) return;
    this.#settled = true;
    node.campaignEarly();
    this.#host.wake();
  }

  #publish(): void {
    const { config, membership, memberId, node } = this.#host;
    const { local } = membership;
    if (node.leader === 0n || local === undefined) return;
    const { name, clientUrls } = config;
    this.#published = true;
    if (local.name === name && local.clientUrls.join() === clientUrls.join()) {
      this.#host.onPublished();
      return;
    }
    const attributes: MemberAttributes = { memberId, name, clientUrls: [...clientUrls] };
    const payload = MemberAttributes.encode(attributes).finish();
    this.#host.propose('memberAttributes', payload, attributes).then(
      () => this.#host.onPublished(),
      () => {
        this.#published = false;
      },
    );
  }
}

/** Breaks things, and repairs them. */
import { assertNever } from '../../src/lib/assert.js';
import type { Prng } from '../../src/lib/prng.js';
import type { RaftCluster } from './raft-cluster.js';
import type { SimMember } from './raft-member.js';
import type { Fault } from './raft-options.js';

/** Strikes a cluster with the faults that its options name. */
export class Nemesis {
  readonly #cluster: RaftCluster;
  readonly #prng: Prng;

  constructor(cluster: RaftCluster, prng: Prng) {
    this.#cluster = cluster;
    this.#prng = prng;
  }

  /** Does one thing. */
  strike(): void {
    this.#do(this.#prng.pick(this.#cluster.options.faults), this.#prng.pick(this.#cluster.members));
  }

  #do(fault: Fault, member: SimMember): void {
    const { network, members, now } = this.#cluster;
    const other = this.#prng.pick(members);
    switch (fault) {
      case 'crash':
        this.#crash(member);
        return;
      case 'killLeader': {
        const leader = this.#cluster.leader();
        if (leader !== undefined) this.#crash(leader);
        return;
      }
      case 'bounce':
        if (member.node === undefined) return;
        this.#crash(member);
        member.start(now);
        return;
      case 'restart':
        if (member.node === undefined && this.#hasRun(member)) member.start(now);
        return;
      case 'partition':
        this.#partition();
        return;
      case 'oneWay':
        network.cut(member.id, other.id);
        return;
      case 'mend':
        network.mend();
        return;
      case 'transfer':
        member.node?.transferLeader(other.id);
        return;
      case 'connectionLost':
        // Also where the connection is fine: a false alarm must do no harm.
        member.node?.leaderConnectionLost(member.node.leader);
        return;
      case 'forgetLeader':
        member.node?.forgetLeader();
        return;
      case 'campaign':
        // Members without a leader hurry, as after a start; others ask once.
        if (member.node?.leader === 0n) member.node.campaignEarly();
        else member.node?.campaign();
        return;
      case 'syncRetried':
        member.delayWrites(this.#prng.between(1, 200));
        return;
      case 'syncFailed':
        // The written bytes may be on the disk or not; the member must not go on.
        if (member.writing) this.#crash(member);
        return;
      case 'clockStalls':
        // Lease reads rely on clocks of one pace.
        if (this.#cluster.options.readMode !== 'lease')
          member.stallClock(this.#prng.between(1, 300));
        return;
      case 'unreachable':
        member.node?.reportUnreachable(other.id);
        return;
      default:
        assertNever(fault, 'fault');
    }
  }

  #hasRun(member: SimMember): boolean {
    return !member.retired && member.hasRun;
  }

  #crash(member: SimMember): void {
    if (member.node === undefined) return;
    member.crash();
    // A dead process' connections break; the others notice, sometimes.
    for (const other of this.#cluster.members) {
      if (this.#prng.below(3) > 0) other.node?.leaderConnectionLost(member.id);
    }
  }

  #partition(): void {
    const { members, network } = this.#cluster;
    network.mend();
    const side = new Set(members.filter(() => this.#prng.below(2) === 0).map((m) => m.id));
    for (const a of members) {
      for (const b of members) {
        if (side.has(a.id) !== side.has(b.id)) network.cut(a.id, b.id);
      }
    }
  }

  /** Ends all faults: every member that has ever run comes back. */
  healAll(): void {
    this.#cluster.network.heal();
    for (const member of this.#cluster.members) {
      if (member.node === undefined && this.#hasRun(member)) member.start(this.#cluster.now);
    }
  }
}

/**
 * A simulated cluster: members, network, clients, nemesis; first with faults, then without, when it must recover in
 * bounded time.
 */
import { mustExist } from '../../src/lib/assert.js';
import { Prng } from '../../src/lib/prng.js';
import { ProposalDroppedError, emptyConfState } from '../../src/raft/index.js';
import { noNode } from '../../src/raft/types.js';
import type { Entry, Message, Proposal } from '../../src/raft/index.js';
import { Network } from './lib/network.js';
import type { Packet } from './lib/network.js';
import { LivenessError } from './lib/sim-error.js';
import { RaftChecker } from './raft-checker.js';
import { bytesOf, carriesSnapshot, decodeMessage, encodeMessage } from './raft-codec.js';
import type { MachineState } from './raft-machine.js';
import { SimMember } from './raft-member.js';
import type { MemberHooks } from './raft-member.js';
import { drawMembershipChange, leaveIfJoint } from './raft-membership.js';
import { Nemesis } from './raft-nemesis.js';
import type { SimOptions } from './raft-options.js';

/** Units of time within which a healed cluster must work again, per (slowest) tick and election tick. */
const recoveryFactor = 40;

/** Entries that wait somewhere before clients hold back. */
const backlogMax = 60;

/** Counts the events of a run, to show that it did something. */
export interface SimSummary {
  readonly writes: number;
  readonly acked: number;
  readonly reads: number;
  readonly leaders: number;
  readonly delivered: number;
}

function memberIds({ confState }: MachineState): readonly bigint[] {
  return [...confState.voters, ...confState.learners, ...confState.votersOutgoing];
}

/** A cluster in simulated time. */
export class RaftCluster implements MemberHooks {
  readonly options: SimOptions;
  readonly members: SimMember[] = [];
  readonly network: Network;
  readonly #prng: Prng;
  readonly #nemesis: Nemesis;
  readonly #checker: RaftChecker;
  /** Writes that a member has proposed and their client waits for: key `member:id`. */
  readonly #waiting = new Set<string>();
  /** Reads asked: the index that each must see. */
  readonly #reads = new Map<number, number>();
  readonly #seenLeaders = new Set<string>();
  #now = 0;
  #requests = 0;
  #acked = 0;
  #answered = 0;
  #delivered = 0;

  constructor(options: SimOptions) {
    this.options = options;
    this.#prng = new Prng(options.seed ^ 0x5eed);
    this.network = new Network(this.#prng.fork(), options.network);
    this.#checker = new RaftChecker(options);
    this.#nemesis = new Nemesis(this, this.#prng.fork());
    const voters = Array.from({ length: options.memberCount }, (_unused, i) => BigInt(i + 1));
    const first: MachineState = {
      applied: 1,
      digest: 1,
      confState: { ...emptyConfState, voters },
    };
    const nobody: MachineState = { applied: 0, digest: 0, confState: emptyConfState };
    for (let i = 1; i <= options.memberCount + options.spareCount; i++) {
      const start = { options, hooks: this, prng: this.#prng.fork() };
      const member = new SimMember(BigInt(i), start, nobody);
      this.members.push(member);
      if (i > options.memberCount) continue;
      member.bootstrap(first);
      member.start(0);
    }
  }

  get now(): number {
    return this.#now;
  }

  get summary(): SimSummary {
    return {
      writes: this.#requests,
      acked: this.#acked,
      reads: this.#answered,
      leaders: this.#seenLeaders.size,
      delivered: this.#delivered,
    };
  }

  /** The running member that leads in the highest term. */
  leader(): SimMember | undefined {
    let best: SimMember | undefined;
    for (const member of this.members) {
      if (member.node?.role !== 'leader') continue;
      if (best?.node === undefined || best.node.term < member.node.term) best = member;
    }
    return best;
  }

  /** Runs both phases. @throws CorrectnessError, LivenessError, or whatever the core throws */
  run(): void {
    const { chances, safetyUnits } = this.options;
    while (this.#now < safetyUnits) {
      if (this.#prng.chance(chances.nemesis)) this.#nemesis.strike();
      if (this.#prng.chance(chances.write)) this.#write();
      if (this.#prng.chance(chances.read)) this.#read();
      if (this.#prng.chance(chances.snapshot)) this.#prng.pick(this.members).truncate();
      if (this.#prng.chance(chances.membership)) drawMembershipChange(this, this.#prng);
      this.#step();
    }
    this.#recover();
  }

  #recover(): void {
    this.#nemesis.healAll();
    const slowest = Math.max(...this.options.unitsPerTick);
    const { electionTicks, network, syncUnitsMax, applyUnitsMax } = this.options;
    const lastIndex = Math.max(...this.members.map((member) => member.storage.lastIndex()));
    // In the worst case the options let entries through one at a time.
    const perEntry = 2 * network.delayMax + syncUnitsMax + applyUnitsMax + 1;
    const until = this.#now + recoveryFactor * slowest * electionTicks + lastIndex * perEntry;
    const ackedBefore = this.#acked;
    const answeredBefore = this.#answered;
    while (this.#now < until) {
      if (this.#acked === ackedBefore && this.#prng.below(50) === 0) this.#write();
      if (this.#answered === answeredBefore && this.#prng.below(50) === 0) this.#read();
      if (this.#prng.below(50) === 0) leaveIfJoint(this);
      this.#retireRemoved();
      this.#step();
      if (this.#now % 20 !== 0) continue;
      if (this.#acked > ackedBefore && this.#answered > answeredBefore && this.#converged()) return;
    }
    const problems = [
      this.#acked > ackedBefore ? '' : ' no write was acknowledged;',
      this.#answered > answeredBefore ? '' : ' no read was answered;',
      this.#converged() ? '' : ' the members did not converge;',
    ];
    throw new LivenessError(
      `within ${until - this.options.safetyUnits} units:${problems.join('')}`,
    );
  }

  /**
   * Switches members off that are removed, once the others know: a voter that has not learnt of the removal may need
   * the vote, or the hint, of the removed one.
   */
  #retireRemoved(): void {
    let latest: SimMember | undefined;
    for (const member of this.members) {
      if (latest === undefined || member.state.applied > latest.state.applied) latest = member;
    }
    if (latest === undefined) return;
    const current = memberIds(latest.state);
    for (const member of this.members) {
      if (current.includes(member.id)) {
        // Added again meanwhile.
        if (member.retired) member.start(this.#now);
        continue;
      }
      const isKnown = current.every((id) => !memberIds(this.#member(id).state).includes(member.id));
      if (isKnown && member.node !== undefined && member.state.applied > 0) member.retire();
    }
  }

  #member(id: bigint): SimMember {
    return mustExist(this.members[Number(id) - 1], 'member');
  }

  /** Tells whether every member of the leader's configuration has applied all that the leader knows to be committed. */
  #converged(): boolean {
    const leader = this.leader();
    if (leader?.node === undefined) return false;
    const { confState, commit } = leader.node.status();
    if (confState.votersOutgoing.length > 0) return false;
    for (const id of [...confState.voters, ...confState.learners]) {
      const member = this.members[Number(id) - 1];
      if (member?.node === undefined || member.state.applied < commit - 3) return false;
      if (member.node.leader !== leader.id) return false;
    }
    return true;
  }

  #step(): void {
    this.#now++;
    for (const packet of this.network.arrivals(this.#now)) {
      this.#arrive(packet);
    }
    for (const member of this.members) {
      member.run(this.#now);
      this.#checker.observe(member);
      if (member.node?.role === 'leader') this.#seenLeaders.add(`${member.id}@${member.node.term}`);
    }
  }

  #arrive(packet: Packet): void {
    const member = this.members[Number(packet.to) - 1];
    const arrives = member?.node !== undefined && !this.network.isCut(packet.from, packet.to);
    // Nobody looks at what is lost, but a snapshot's sender is told.
    if (!arrives && !carriesSnapshot(packet.bytes)) return;
    const message = decodeMessage(packet.bytes);
    if (arrives) {
      this.#delivered++;
      member.node?.step(message);
      this.#checker.observe(member);
      if (this.#prng.below(2) === 0) member.pump(this.#now);
      this.#checker.observe(member);
    }
    if (message.type !== 'MsgSnap') return;
    // The sender's stream tells it what became of the snapshot.
    const sender = this.members[Number(message.from) - 1];
    sender?.node?.reportSnapshot(message.to, arrives ? 'finished' : 'failed');
  }

  #running(): SimMember[] {
    return this.members.filter((member) => member.node !== undefined);
  }

  #write(): void {
    const running = this.#running();
    if (running.length === 0) return;
    const member = this.#prng.pick(running);
    const last = Math.max(...running.map((other) => other.node?.lastIndex ?? 0));
    // Clients wait for each other rather than pile up work that recovery would have to do.
    if (last - member.state.applied > backlogMax) return;
    const count = this.#prng.pick([1, 1, 1, 4, 20]);
    const proposals: Proposal[] = [];
    for (let i = 0; i < count; i++) {
      const id = ++this.#requests;
      proposals.push({ type: 'normal', data: bytesOf(`${member.id}:${id}`) });
    }
    // It would be dropped, and the making of that error is dear.
    if (member.node?.leader === noNode) return;
    this.attempt(() => {
      member.node?.proposeBatch(proposals);
      for (const { data } of proposals) this.#waiting.add(Buffer.from(data).toString());
    });
    this.#checker.observe(member);
  }

  /** Does what may be refused for good reason. */
  attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof ProposalDroppedError)) throw error;
    }
  }

  #read(): void {
    const running = this.#running();
    if (running.length === 0) return;
    const member = this.#prng.pick(running);
    const id = ++this.#requests;
    if (member.node?.readIndex(bytesOf(`${id}`)) !== true) return;
    this.#reads.set(id, this.#checker.maxApplied);
  }

  send(member: SimMember, message: Message): void {
    this.#checker.sent(member, message);
    const { from, to } = { from: member.id, to: message.to };
    const sent = this.network.send(this.#now, { from, to, bytes: encodeMessage(message) });
    if (sent) return;
    if (message.type === 'MsgSnap') member.node?.reportSnapshot(to, 'failed');
    else if (this.#prng.below(4) === 0) member.node?.reportUnreachable(to);
  }

  appended(member: SimMember, entries: readonly Entry[]): void {
    this.#checker.appended(member, entries);
  }

  applied(member: SimMember, entry: Entry, state: MachineState): void {
    this.#checker.applied(member, state);
    const key = Buffer.from(entry.data).toString();
    if (entry.type !== 'normal' || !key.startsWith(`${member.id}:`)) return;
    if (this.#waiting.delete(key)) this.#acked++;
  }

  restored(member: SimMember, state: MachineState): void {
    if (state.applied > 1) this.#checker.applied(member, state);
  }

  readIndex(member: SimMember, context: Uint8Array, index: number): void {
    const id = Number(Buffer.from(context).toString());
    const mustSee = this.#reads.get(id);
    if (mustSee === undefined) return;
    this.#reads.delete(id);
    this.#answered++;
    this.#checker.read(member, index, mustSee);
  }

  /** Returns one status line per member. */
  describe(): string {
    return this.members.map((member) => member.describe()).join('\n');
  }
}

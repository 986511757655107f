/** Orders that a member under test takes from the test by the channel between their processes. */
import { assertNever } from '../../src/lib/assert.js';
import type { EtcdServer } from '../../src/etcd/member/server.js';
import type { PeerNetwork } from '../../src/etcd/peer/types.js';
import type { Message } from '../../src/raft/index.js';
import type { MistakeState } from './mistakes.js';

/** An order. Members are named by their ids in decimal. */
export type Command =
  /** The mistake is made from now on. */
  | { readonly do: 'arm' }
  /** No message from or to these members gets through; replaces the list before. */
  | { readonly do: 'block'; readonly members: readonly string[] }
  /** Messages of these types do not leave; replaces the list before. */
  | { readonly do: 'hold'; readonly types: readonly Message['type'][] }
  /** Appends carry no entries of later terms, and nobody is told of later commits. */
  | { readonly do: 'upTo'; readonly term: number; readonly commit: number }
  /** From now on a kill loses all that was not synced, of the raft log and of the database. */
  | { readonly do: 'powerCut' }
  | { readonly do: 'syncDelay'; readonly ms: number }
  /** The database commits what it has. */
  | { readonly do: 'commit' }
  /** The process kills itself when the second operation of a transaction is applied. */
  | { readonly do: 'dieInTxn' }
  | { readonly do: 'forgetLeader' }
  | { readonly do: 'campaign' }
  | { readonly do: 'handOver'; readonly to: string }
  | { readonly do: 'report' };

/** The answer to an order. */
export interface Report {
  readonly term: number;
  readonly role: string;
  readonly commit: number;
  readonly applied: number;
  readonly lastIndex: number;
  /** Of a leader: how far it knows each member to be. */
  readonly match: Readonly<Record<string, number>>;
}

/** Carries out orders on one server. */
export class MemberControl {
  readonly #server: EtcdServer;
  readonly #state: MistakeState;
  #blocked: ReadonlySet<string> = new Set();
  #held: ReadonlySet<string> = new Set();
  #upTo = { term: Number.MAX_SAFE_INTEGER, commit: Number.MAX_SAFE_INTEGER };
  #dieInTxn = false;

  /** @param server takes no part yet */
  constructor(server: EtcdServer, state: MistakeState) {
    this.#server = server;
    this.#state = state;
    const step = server.step.bind(server);
    server.step = (message) => {
      if (!this.#blocked.has(String(message.from))) step(message);
    };
    const connect = server.connect.bind(server);
    server.connect = (network) => connect(this.#filtered(network));
    const { backend } = server;
    const putRevision = backend.putRevision.bind(backend);
    backend.putRevision = (main, sub, tombstone, value) => {
      if (this.#dieInTxn && sub === 1) process.kill(process.pid, 'SIGKILL');
      putRevision(main, sub, tombstone, value);
    };
  }

  #filtered(network: PeerNetwork): PeerNetwork {
    const send = network.send.bind(network);
    const sendSnapshot = network.sendSnapshot.bind(network);
    network.send = (messages) => send(messages.flatMap((message) => this.#passed(message)));
    network.sendSnapshot = async (message, path) => {
      if (this.#passed(message).length === 0) throw new Error('held back by the test');
      await sendSnapshot(message, path);
    };
    return network;
  }

  #passed(message: Message): Message[] {
    if (this.#blocked.has(String(message.to)) || this.#held.has(message.type)) return [];
    if (message.type !== 'MsgApp' && message.type !== 'MsgHeartbeat') return [message];
    const commit = Math.min(message.commit, this.#upTo.commit);
    if (message.type === 'MsgHeartbeat') return [{ ...message, commit }];
    const entries = message.entries.filter(({ term }) => term <= this.#upTo.term);
    return [{ ...message, commit, entries }];
  }

  /** Carries the order out in a member that runs. */
  obey(command: Command): Report {
    this.carryOut(command);
    this.#server.wake();
    return this.#report();
  }

  carryOut(command: Command): void {
    const { node, backend } = this.#server;
    switch (command.do) {
      case 'arm':
        this.#state.armed = true;
        this.#state.disk.lying = this.#state.mistake === 'ackBeforeSync';
        break;
      case 'block':
        this.#blocked = new Set(command.members);
        break;
      case 'hold':
        this.#held = new Set(command.types);
        break;
      case 'upTo':
        this.#upTo = command;
        break;
      case 'powerCut':
        this.#state.disk.lossy = true;
        // Applied entries stay in memory, and must come from the raft log after the cut.
        backend.commit = () => undefined;
        break;
      case 'syncDelay':
        this.#state.disk.syncDelayMs = command.ms;
        break;
      case 'commit':
        backend.commit();
        break;
      case 'dieInTxn':
        this.#dieInTxn = true;
        break;
      case 'forgetLeader':
        node.forgetLeader();
        break;
      case 'campaign':
        node.campaign();
        break;
      case 'handOver':
        node.transferLeader(BigInt(command.to));
        break;
      case 'report':
        break;
      default:
        assertNever(command);
    }
  }

  #report(): Report {
    const { term, role, commit, applied, lastIndex, progress } = this.#server.node.status();
    const match = Object.fromEntries(progress.map((each) => [String(each.id), each.match]));
    return { term, role, commit, applied, lastIndex, match };
  }
}

/** What a run does next: calls, watches, and the order in which they come. */
import type { Prng } from '../../../src/lib/prng.js';
import { leaseIds, longTerms, RequestSource } from './requests.js';
import type { Message } from './requests.js';

/** Stand in requests for ids that each member chose for itself: its own, its last learner's, its last lease's. */
export const chosenIds = {
  self: 0x7e57_0001n,
  learner: 0x7e57_0002n,
  lease: 0x7e57_0003n,
} as const;

/** One call. */
export interface CallStep {
  readonly kind: 'call';
  readonly method: string;
  readonly message: Message;
  /** The user whose token goes with it. */
  readonly user?: string;
  readonly door: 'grpc' | 'json';
  /** Of the form of a JSON text. */
  readonly seed: number;
  /** It may wait for what nobody will do. */
  readonly mayBlock?: boolean;
}

/** A watch stream, and what happens while it is open. */
export interface WatchStep {
  readonly kind: 'watch';
  readonly requests: readonly Message[];
  readonly user?: string;
  readonly door: 'grpc' | 'json';
  readonly writes: readonly CallStep[];
}

/** One step of a run. */
export type Step = CallStep | WatchStep;

const kv = ['Range', 'Put', 'DeleteRange', 'Txn'].map((name) => `etcdserverpb.KV/${name}`);
const lease = ['Grant', 'Revoke', 'KeepAlive', 'TimeToLive', 'Leases'].map(
  (name) => `etcdserverpb.Lease/Lease${name}`,
);
const auth =
  'UserAdd UserGet UserList UserDelete UserChangePassword UserGrantRole UserRevokeRole RoleAdd RoleGet RoleList ' +
  'RoleDelete RoleGrantPermission RoleRevokePermission RoleGrantPermission Authenticate Authenticate AuthStatus';
const authMethods = auth.split(' ').map((name) => `etcdserverpb.Auth/${name}`);
const cluster = ['MemberAdd', 'MemberRemove', 'MemberUpdate', 'MemberList', 'MemberPromote'].map(
  (name) => `etcdserverpb.Cluster/${name}`,
);
const maintenance = 'Alarm Status Defragment Hash HashKV HashKV Snapshot MoveLeader Downgrade'
  .split(' ')
  .map((name) => `etcdserverpb.Maintenance/${name}`);
const election = [
  ...['Campaign', 'Campaign', 'Proclaim', 'Leader', 'Observe', 'Resign'].map(
    (name) => `v3electionpb.Election/${name}`,
  ),
  ...['Lock', 'Unlock'].map((name) => `v3lockpb.Lock/${name}`),
];

/** All that there is, or what every etcd since 3.4 answers alike: keys, leases and watches, over gRPC. */
export type Scope = 'all' | 'keys';

/** Draws steps without end. */
export class StepSource {
  readonly requests: RequestSource;
  readonly #prng: Prng;
  readonly #scope: Scope;
  readonly #next: Step[] = [];
  #isAuthOn = false;

  constructor(prng: Prng, scope: Scope) {
    this.#prng = prng;
    this.#scope = scope;
    this.requests = new RequestSource(prng.fork(), { odd: scope === 'all' });
    for (const ID of leaseIds.slice(0, 3)) {
      this.#then('etcdserverpb.Lease/LeaseGrant', { ID, TTL: 600n });
    }
  }

  next(): Step {
    return this.#next.shift() ?? this.#draw();
  }

  #draw(): Step {
    const prng = this.#prng;
    if (this.#scope === 'keys') return this.#drawKeys();
    // Tokens grow old with every change of users and roles.
    if (this.#isAuthOn && prng.below(5) === 0) this.#authenticate();
    switch (prng.below(40)) {
      case 0:
        return this.#call('etcdserverpb.KV/Compact');
      case 1:
      case 2:
        return this.#watch();
      case 3:
        return this.#short();
      case 4:
        return this.#isAuthOn ? this.#cluster(prng.pick(cluster)) : this.#enableAuth();
      case 5:
      case 6:
        return this.#cluster(prng.pick(cluster));
      case 7:
      case 8:
      case 9:
        return this.#maintenance(prng.pick(maintenance));
      case 10:
      case 11:
      case 12:
        return this.#election(prng.pick(election));
      case 13:
      case 14:
      case 15:
      case 16:
      case 17:
        return this.#call(prng.pick(authMethods));
      case 18:
      case 19:
      case 20:
      case 21:
      case 22:
        return this.#call(prng.pick(lease));
      default:
        return this.#call(prng.pick(kv));
    }
  }

  #drawKeys(): Step {
    const prng = this.#prng;
    if (prng.below(16) === 0) return this.#watch();
    if (prng.below(16) === 0) return this.#call('etcdserverpb.KV/Compact');
    return this.#call(prng.pick(prng.below(5) === 0 ? lease : kv));
  }

  #call(method: string, given: Message = {}, user = this.#user()): CallStep {
    const prng = this.#prng;
    // One that is not long would end when it likes.
    const long = method.endsWith('/LeaseGrant') ? { TTL: prng.pick(longTerms) } : {};
    return {
      kind: 'call',
      method,
      message: this.requests.request(method, { ...long, ...given }),
      ...(user === undefined ? {} : { user }),
      door: this.#door(),
      seed: prng.uint32(),
    };
  }

  #then(method: string, message: Message, user?: string): void {
    const by = user === undefined ? {} : { user };
    this.#next.push({ kind: 'call', method, message, ...by, door: 'grpc', seed: 0 });
  }

  #door(): 'grpc' | 'json' {
    return this.#scope === 'all' && this.#prng.below(3) === 0 ? 'json' : 'grpc';
  }

  #user(): string | undefined {
    return this.#isAuthOn && this.#prng.below(8) > 0
      ? this.#prng.pick(['root', 'root', 'u1', 'u2'])
      : undefined;
  }

  /** A lease that would end soon, ended before. */
  #short(): Step {
    const TTL = this.#prng.pick([-1n, 0n, 1n]);
    this.#then('etcdserverpb.Lease/LeaseRevoke', { ID: 14n }, 'root');
    return {
      ...this.#call('etcdserverpb.Lease/LeaseGrant', { ID: 14n, TTL }, 'root'),
      door: 'grpc',
    };
  }

  #cluster(method: string): Step {
    const ID = this.#prng.pick([chosenIds.learner, chosenIds.learner, 1234n]);
    if (method.endsWith('Add')) return this.#call(method, { isLearner: true });
    if (method.endsWith('List')) return this.#call(method);
    // Of an update of a learner etcd 3.5 makes a voter that is none; a URL that it cannot dial ends it.
    return this.#call(method, { ID: method.endsWith('Update') ? 1234n : ID });
  }

  #maintenance(method: string): Step {
    const prng = this.#prng;
    const { self } = chosenIds;
    if (method.endsWith('MoveLeader')) {
      return this.#call(method, { targetID: prng.pick([0n, self, chosenIds.learner, 1234n]) });
    }
    // The announcement of a downgrade times out in 3.5.30, and starts one in 3.6.
    const action = prng.pick(['VALIDATE', 'CANCEL']);
    if (method.endsWith('Downgrade')) return this.#call(method, { action });
    if (!method.endsWith('Alarm')) return this.#call(method);
    // While there is no room etcd 3.5 asks for no rights.
    if (this.#isAuthOn || prng.below(2) === 0) {
      return this.#call(method, { action: 'GET', memberID: self });
    }
    const alarm = prng.pick(['NOSPACE', 'CORRUPT', 'NONE']);
    for (let count = prng.below(8); count > 0; count--) this.#next.push(this.#call(prng.pick(kv)));
    this.#then(method, { action: 'DEACTIVATE', memberID: self, alarm }, 'root');
    return this.#call(method, { action: 'ACTIVATE', memberID: self, alarm }, 'root');
  }

  #election(method: string): Step {
    const prng = this.#prng;
    // Of a call that is given up etcd takes back the key without the caller's token, and so leaves it.
    const lease = this.#isAuthOn ? 11n : prng.pick(leaseIds.slice(0, 3));
    const name = Buffer.from(this.#isAuthOn ? 'g' : prng.pick(['e', 'e', 'f']));
    const lock = Buffer.from(this.#isAuthOn ? 'm' : 'l');
    const key = Buffer.from(`${name.toString()}/${lease.toString(16)}`);
    const leader =
      prng.below(12) === 0 ? {} : { leader: { name, key, lease, rev: this.requests.campaign } };
    const given: Record<string, Message> = {
      Campaign: { name, lease },
      Proclaim: leader,
      Leader: { name },
      Observe: { name },
      Resign: leader,
      Lock: { name: lock, lease },
      Unlock: { key: Buffer.from(`${lock.toString()}/${lease.toString(16)}`) },
    };
    const step = this.#call(method, given[method.split('/')[1] ?? ''] ?? {});
    return { ...step, mayBlock: true };
  }

  #watch(): Step {
    const prng = this.#prng;
    const isJson = this.#scope === 'all' && prng.below(4) === 0;
    const count = isJson ? 1 : 1 + prng.below(3);
    const requests = Array.from({ length: count }, () => {
      const drawn = this.requests.request('etcdserverpb.Watch/Watch');
      return 'progress_request' in drawn ? { create_request: {} } : drawn;
    });
    const user = this.#user();
    const writes = Array.from({ length: prng.below(6) }, () => ({
      ...this.#call(prng.pick(kv), {}, user),
      door: 'grpc' as const,
    }));
    const by = user === undefined ? {} : { user };
    return { kind: 'watch', requests, ...by, door: isJson ? 'json' : 'grpc', writes };
  }

  #authenticate(): void {
    for (const name of ['root', 'u1', 'u2']) {
      this.#then('etcdserverpb.Auth/Authenticate', { name, password: 'pw' });
    }
  }

  #enableAuth(): Step {
    this.#isAuthOn = true;
    const password = 'pw';
    const service = 'etcdserverpb.Auth/';
    for (const name of ['u1', 'u2']) {
      this.#then(`${service}UserAdd`, { name, password });
      this.#then(`${service}RoleAdd`, { name: name.replace('u', 'r') });
      this.#then(`${service}UserGrantRole`, { user: name, role: name.replace('u', 'r') });
    }
    this.#then(`${service}RoleAdd`, { name: 'root' });
    this.#then(`${service}UserGrantRole`, { user: 'root', role: 'root' });
    this.#then(`${service}AuthEnable`, {});
    this.#authenticate();
    return this.#call(`${service}UserAdd`, { name: 'root', password, options: {} });
  }
}

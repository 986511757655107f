/** Clients of a cluster with users and roles: some change rights, some use them, one looks at the revision. */
import { delay } from '../../src/lib/clock.js';
import type { Clock } from '../../src/lib/clock.js';
import { Code, isGrpcError } from '../../src/lib/grpc/index.js';
import type { CallOptions, Channel, Client } from '../../src/lib/grpc/index.js';
import type { Prng } from '../../src/lib/prng.js';
import { AuthDefinition, KVDefinition } from '../../src/gen/etcd/rpc.js';
import type { AuthHistory, Subject } from './auth-history.js';
import type { Members } from './members.js';
import { isDefinite } from './traffic.js';
import { putOf, rangeOf } from './requests.js';

export const rootPassword = 'root';
const deadlineMs = 2_000;

type Auth = Client<typeof AuthDefinition>;

export interface AuthTraffic {
  readonly members: Members;
  readonly clock: Clock;
  readonly history: AuthHistory;
  readonly over: () => boolean;
}

export const passwordOf = (name: string, number: number): string => `${name}.${number}`;
export const keyOf = (name: string): string => `p/${name}`;
export const newUser = (name: string, password: string) => ({
  name,
  password,
  hashedPassword: '',
  options: { noPassword: false },
});

export async function logIn(
  channel: Channel,
  name: string,
  password: string,
): Promise<CallOptions> {
  const client = channel.client(AuthDefinition);
  const { token } = await client.authenticate({ name, password }, { deadlineMs });
  return { deadlineMs, metadata: new Map([['token', token]]) };
}

/** Makes root and turns authentication on. */
export async function enableAuth(members: Members): Promise<void> {
  const [channel] = members.channels;
  if (channel === undefined) throw new Error('there is no member');
  const auth = channel.client(AuthDefinition);
  await auth.userAdd(newUser('root', rootPassword));
  await auth.roleAdd({ name: 'root' });
  await auth.userGrantRole({ user: 'root', role: 'root' });
  await auth.authEnable({});
  members.user = { name: 'root', password: rootPassword };
}

/** Says that nobody knows whether a change was made. */
class UnknownOutcome extends Error {}

/** A client that holds a token for each member, as long as it is taken. */
class Caller {
  readonly channels: readonly Channel[];
  readonly #prng: Prng;
  readonly #sessions = new Map<
    number,
    { readonly options: CallOptions; readonly password: number }
  >();

  constructor(members: Members, prng: Prng) {
    this.channels = members.places.map((_, at) => members.connect(at));
    this.#prng = prng;
  }

  pick(): number {
    return this.#prng.below(this.channels.length);
  }

  channel(at: number): Channel {
    const channel = this.channels[at];
    if (channel === undefined) throw new RangeError(`there is no member ${at}`);
    return channel;
  }

  async session(at: number, name: string, password: string, number = 0) {
    const known = this.#sessions.get(at);
    if (known !== undefined) return known;
    const made = { options: await logIn(this.channel(at), name, password), password: number };
    this.#sessions.set(at, made);
    return made;
  }

  forget(at: number): void {
    this.#sessions.delete(at);
  }

  close(): void {
    for (const channel of this.channels) channel.close();
  }
}

const lostSession: ReadonlySet<number> = new Set([Code.Unauthenticated, Code.InvalidArgument]);

/** Makes users, and gives and takes their right, one change at a time. */
class Administrator {
  readonly #traffic: AuthTraffic;
  readonly #prng: Prng;
  readonly #caller: Caller;
  readonly #id: number;

  constructor(traffic: AuthTraffic, id: number, prng: Prng) {
    this.#traffic = traffic;
    this.#id = id;
    this.#prng = prng;
    this.#caller = new Caller(traffic.members, prng.fork());
  }

  /** @param begin users of the new subject's right begin to use it */
  async run(begin: (subject: Subject, isOver: () => boolean) => Promise<void>): Promise<void> {
    const { over, history } = this.#traffic;
    for (let count = 0; !over(); count++) {
      const name = `u${this.#id}.${count}`;
      const subject: Subject = { name, changes: [], passwords: [], probes: [] };
      let isOver = false;
      let users: Promise<void> | undefined;
      try {
        await this.#make(subject);
        history.subjects.push(subject);
        users = begin(subject, () => isOver || over());
        while (!over()) await this.#toggle(subject);
      } catch (error) {
        // Another subject: what became of this one nobody knows.
        if (!(error instanceof UnknownOutcome))
          history.problems.push(`auth: ${name}: ${String(error)}`);
      }
      isOver = true;
      await users;
    }
    this.#caller.close();
  }

  async #make({ name }: Subject): Promise<void> {
    await this.#change((auth, options) =>
      auth.userAdd(newUser(name, passwordOf(name, 0)), options),
    );
    await this.#change((auth, options) => auth.roleAdd({ name }, options));
  }

  /** Gives the right, and takes it away in one of three ways. */
  async #toggle(subject: Subject): Promise<void> {
    const { name } = subject;
    const key = Buffer.from(keyOf(name));
    const rangeEnd = Buffer.alloc(0);
    const perm = { permType: 2 as const, key, rangeEnd };
    const isFirst = subject.changes.length === 0;
    const grantPermission = (auth: Auth, options: CallOptions) =>
      auth.roleGrantPermission({ name, perm }, options);
    const grantRole = (auth: Auth, options: CallOptions) =>
      auth.userGrantRole({ user: name, role: name }, options);
    if (isFirst) {
      await this.#change(grantPermission);
      await this.#right(subject, true, grantRole);
    }
    await this.#pause();
    switch (this.#prng.below(4)) {
      case 0:
        await this.#right(subject, false, (auth, options) =>
          auth.roleRevokePermission({ role: name, key, rangeEnd }, options),
        );
        await this.#pause();
        await this.#right(subject, true, grantPermission);
        return;
      case 1:
        await this.#right(subject, false, (auth, options) =>
          auth.userRevokeRole({ name, role: name }, options),
        );
        await this.#pause();
        await this.#right(subject, true, grantRole);
        return;
      case 2: {
        await this.#right(subject, false, (auth, options) => auth.userDelete({ name }, options));
        const user = newUser(name, passwordOf(name, subject.passwords.length));
        await this.#change((auth, options) => auth.userAdd(user, options));
        await this.#right(subject, true, grantRole);
        return;
      }
      default:
        await this.#newPassword(subject);
    }
  }

  async #newPassword({ name, passwords }: Subject): Promise<void> {
    const password = passwordOf(name, passwords.length + 1);
    const calledAt = this.#traffic.clock.monotonicMs();
    const request = { name, password, hashedPassword: '' };
    const entry = { calledAt, returnedAt: Infinity };
    await this.#change((auth, options) => auth.userChangePassword(request, options));
    passwords.push({ ...entry, returnedAt: this.#traffic.clock.monotonicMs() });
  }

  async #right(
    { changes }: Subject,
    allowed: boolean,
    call: (auth: Auth, options: CallOptions) => Promise<unknown>,
  ): Promise<void> {
    const { clock } = this.#traffic;
    const calledAt = clock.monotonicMs();
    const at = changes.push({ allowed, calledAt, returnedAt: Infinity }) - 1;
    await this.#change(call);
    changes[at] = { allowed, calledAt, returnedAt: clock.monotonicMs() };
  }

  /** Asks until it is done. @throws UnknownOutcome; what a member says of a request that must be right */
  async #change(call: (auth: Auth, options: CallOptions) => Promise<unknown>): Promise<void> {
    const { clock, over, history } = this.#traffic;
    for (;;) {
      const at = this.#caller.pick();
      let session;
      try {
        session = await this.#caller.session(at, 'root', rootPassword);
      } catch {
        if (over()) throw new UnknownOutcome();
        await delay(clock, 20);
        continue;
      }
      try {
        await call(this.#caller.channel(at).client(AuthDefinition), session.options);
        history.acknowledged.push(clock.monotonicMs());
        return;
      } catch (error) {
        this.#caller.forget(at);
        if (!isDefinite(error)) throw new UnknownOutcome();
        const isLost = isGrpcError(error) && lostSession.has(error.code);
        if (!isLost && isGrpcError(error) && error.code !== Code.Unavailable) throw error;
        await delay(clock, 20);
      }
    }
  }

  #pause(): Promise<void> {
    return delay(this.#traffic.clock, this.#prng.between(20, 250));
  }
}

/** Uses a right until the subject is over. */
async function useRight(
  traffic: AuthTraffic,
  prng: Prng,
  subject: Subject,
  isOver: () => boolean,
): Promise<void> {
  const { clock, members } = traffic;
  const caller = new Caller(members, prng);
  const key = keyOf(subject.name);
  while (!isOver()) {
    const member = caller.pick();
    const call = prng.below(2) === 0 ? 'get' : 'put';
    let calledAt = Infinity;
    let password = subject.passwords.length;
    try {
      const { name } = subject;
      const session = await caller.session(member, name, passwordOf(name, password), password);
      ({ password } = session);
      const kv = caller.channel(member).client(KVDefinition);
      calledAt = clock.monotonicMs();
      if (call === 'get') await kv.range(rangeOf(key), session.options);
      else await kv.put(putOf(key, name), session.options);
      const returnedAt = clock.monotonicMs();
      subject.probes.push({ calledAt, returnedAt, allowed: true, password, member, call });
    } catch (error) {
      const returnedAt = clock.monotonicMs();
      if (isGrpcError(error) && error.code === Code.PermissionDenied) {
        subject.probes.push({ calledAt, returnedAt, allowed: false, password, member, call });
      } else {
        caller.forget(member);
      }
    }
    await delay(clock, prng.between(2, 20));
  }
  caller.close();
}

async function watchRevision(traffic: AuthTraffic, prng: Prng): Promise<void> {
  const { clock, members, history, over } = traffic;
  const caller = new Caller(members, prng);
  while (!over()) {
    const at = caller.pick();
    try {
      const { options } = await caller.session(at, 'root', rootPassword);
      const calledAt = clock.monotonicMs();
      const auth = caller.channel(at).client(AuthDefinition);
      const { authRevision } = await auth.authStatus({}, options);
      const returnedAt = clock.monotonicMs();
      history.statuses.push({ calledAt, returnedAt, revision: authRevision });
    } catch {
      caller.forget(at);
    }
    await delay(clock, prng.between(5, 30));
  }
  caller.close();
}

/** Two administrators, each with one subject at a time, which three use; and one that looks at the revision. */
export async function runAuthClients(traffic: AuthTraffic, prng: Prng): Promise<void> {
  const administrators = [0, 1].map((id) => {
    const administrator = new Administrator(traffic, id, prng.fork());
    return administrator.run(async (subject, isOver) => {
      await Promise.all([0, 1, 2].map(() => useRight(traffic, prng.fork(), subject, isOver)));
    });
  });
  await Promise.all([...administrators, watchRevision(traffic, prng.fork())]);
}

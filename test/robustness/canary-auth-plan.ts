/** A right is taken away; a member that knew of it before is asked. */
import { systemClock } from '../../src/lib/clock.js';
import { Code, isGrpcError } from '../../src/lib/grpc/index.js';
import type { Channel } from '../../src/lib/grpc/index.js';
import { AuthDefinition, KVDefinition } from '../../src/gen/etcd/rpc.js';
import { enableAuth, keyOf, logIn, newUser, passwordOf, rootPassword } from './auth-clients.js';
import { checkAuth } from './auth-history.js';
import type { Subject } from './auth-history.js';
import type { Arena } from './canary-arena.js';
import { rangeOf } from './requests.js';

const clock = systemClock();
const name = 'u';

async function use(channel: Channel, subject: Subject): Promise<void> {
  const options = await logIn(channel, name, passwordOf(name, 0));
  const calledAt = clock.monotonicMs();
  const allowed = await channel
    .client(KVDefinition)
    .range(rangeOf(keyOf(name)), options)
    .then(
      () => true,
      (error: unknown) => {
        if (isGrpcError(error) && error.code === Code.PermissionDenied) return false;
        throw error;
      },
    );
  const returnedAt = clock.monotonicMs();
  subject.probes.push({ calledAt, returnedAt, allowed, password: 0, member: 2, call: 'get' });
}

/** m0 changes the right, m2 is asked before and after. */
export async function takeRightAway({ members, problems }: Arena): Promise<void> {
  const [first, , last] = members.channels;
  if (first === undefined || last === undefined) throw new Error('there are no members');
  await enableAuth(members);
  const options = await logIn(first, 'root', rootPassword);
  const auth = first.client(AuthDefinition);
  const subject: Subject = { name, changes: [], passwords: [], probes: [] };
  const change = async (allowed: boolean, call: () => Promise<unknown>): Promise<void> => {
    const calledAt = clock.monotonicMs();
    await call();
    subject.changes.push({ allowed, calledAt, returnedAt: clock.monotonicMs() });
  };
  await auth.userAdd(newUser(name, passwordOf(name, 0)), options);
  await auth.roleAdd({ name }, options);
  const perm = { permType: 2 as const, key: Buffer.from(keyOf(name)), rangeEnd: Buffer.alloc(0) };
  await auth.roleGrantPermission({ name, perm }, options);
  await change(true, () => auth.userGrantRole({ user: name, role: name }, options));
  await use(last, subject);
  await change(false, () => auth.userRevokeRole({ name, role: name }, options));
  await use(last, subject);
  const history = { subjects: [subject], statuses: [], acknowledged: [], problems: [] };
  problems.push(...checkAuth(history));
  await auth.authDisable({}, options);
  members.user = undefined;
}

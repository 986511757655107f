/** Makes one run with users and roles: rights are given and taken away while members die and are cut off. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/lib/clock.js';
import { isGrpcError } from '../../src/lib/grpc/index.js';
import { Prng } from '../../src/lib/prng.js';
import { AuthDefinition, KVDefinition } from '../../src/gen/etcd/rpc.js';
import { waitFor } from '../cluster/etcd-processes.js';
import { enableAuth, logIn, rootPassword, runAuthClients } from './auth-clients.js';
import { checkAuth } from './auth-history.js';
import type { AuthHistory } from './auth-history.js';
import { controlledMember, Members } from './members.js';
import { runNemesis } from './nemesis.js';
import type { Fault } from './nemesis.js';
import { canPartition, MemberNetwork } from './network.js';
import { putOf } from './requests.js';

const clock = systemClock();

/** The faults that the test needs no right for. */
export const authFaults: readonly Fault[] = [
  'kill',
  'kill-all',
  'pause',
  'terminate',
  'isolate',
  'cut-one-way',
  'cut-pair',
  'cut-clients',
  'slow-disk',
  'clock-jump',
];

/** The findings of a run. */
export interface AuthOutcome {
  readonly problems: readonly string[];
  readonly faults: readonly string[];
  readonly subjects: number;
  readonly changes: number;
  readonly allowed: number;
  readonly refused: number;
  /** The directory of the members' logs, which is kept when there are problems. */
  readonly directory: string | undefined;
}

/** All members must hold the same users, roles, rights and keys. */
async function converge(members: Members): Promise<string[]> {
  await members.healthy();
  let revision = 0;
  for (const channel of members.channels) revision = await write(channel);
  let seen: readonly string[] = [];
  // What a client asked for and did not wait for may still take effect while its member holds the call.
  await waitFor('all members hold the same', async () => {
    seen = await Promise.all(members.channels.map((_, at) => stateOf(members, at, revision)));
    return new Set(seen).size === 1;
  }).catch(() => undefined);
  return new Set(seen).size === 1 ? [] : [`members differ: ${seen.join('\n')}`];
}

/**
 * Writes as root. A change of rights that was under way may come between: as etcd's client, this logs in again then.
 * @returns the write's revision
 */
async function write(channel: Members['channels'][number], attemptsLeft = 10): Promise<number> {
  const options = await logIn(channel, 'root', rootPassword);
  try {
    const answer = await channel.client(KVDefinition).put(putOf('end', 'end'), options);
    return answer.header?.revision ?? 0;
  } catch (error) {
    const isOld = isGrpcError(error) && error.message.includes('revision of auth store is old');
    if (!isOld || attemptsLeft === 0) throw error;
    return write(channel, attemptsLeft - 1);
  }
}

/** What a member says of users, roles and rights, and the hash of its keys. */
async function stateOf(members: Members, at: number, revision: number): Promise<string> {
  const channel = members.channels[at] as Members['channels'][number];
  const auth = channel.client(AuthDefinition);
  const options = await logIn(channel, 'root', rootPassword);
  const { users } = await auth.userList({}, options);
  const roles = await Promise.all(users.map((name) => auth.userGet({ name }, options)));
  const rights = await Promise.all(
    (await auth.roleList({}, options)).roles.map((role) => auth.roleGet({ role }, options)),
  );
  const { authRevision } = await auth.authStatus({}, options);
  let hash = '';
  await waitFor(`m${at} has revision ${revision}`, async () => {
    hash = await members.hash(at, revision).catch(() => '');
    return hash !== '';
  });
  const perms = rights.map(({ perm }) => perm.map(({ key }) => key.toString()));
  return JSON.stringify({
    users,
    roles: roles.map((each) => each.roles),
    perms,
    authRevision,
    hash,
  });
}

/** Runs one seed. @throws only when the cluster cannot be started at all */
export async function runAuth(options: {
  readonly seed: number;
  readonly seconds: number;
  readonly only?: readonly Fault[];
  readonly log?: (line: string) => void;
}): Promise<AuthOutcome> {
  const prng = new Prng(options.seed);
  const directory = mkdtempSync(join(tmpdir(), 'rob-auth-'));
  const network = canPartition() ? new MemberNetwork(4) : undefined;
  const program = { ...controlledMember, flags: ['--bcrypt-cost=4'] };
  const members = await Members.start(directory, 3, network, program);
  const history: AuthHistory = { subjects: [], statuses: [], acknowledged: [], problems: [] };
  const problems: string[] = [];
  let faults: readonly string[] = [];
  try {
    await members.healthy();
    await enableAuth(members);
    let over = false;
    const clients = runAuthClients({ members, clock, history, over: () => over }, prng.fork());
    try {
      faults = await runNemesis({
        members,
        clock,
        prng: prng.fork(),
        untilMs: clock.monotonicMs() + options.seconds * 1_000,
        heard: () => 0,
        smallDisk: undefined,
        only: authFaults.filter((fault) => options.only?.includes(fault) ?? true),
        log: options.log ?? (() => undefined),
      });
      over = true;
      await clients;
      problems.push(...(await converge(members)));
    } catch (error) {
      problems.push(`no recovery: ${String(error)}`);
    } finally {
      over = true;
      await clients;
    }
    problems.push(...members.crashes);
  } finally {
    await members.close();
  }
  problems.push(...checkAuth(history));
  if (problems.length === 0) rmSync(directory, { recursive: true, force: true });
  const probes = history.subjects.flatMap((subject) => subject.probes);
  const allowed = probes.filter((probe) => probe.allowed).length;
  return {
    problems,
    faults,
    subjects: history.subjects.length,
    changes: history.acknowledged.length,
    allowed,
    refused: probes.length - allowed,
    directory: problems.length === 0 ? undefined : directory,
  };
}

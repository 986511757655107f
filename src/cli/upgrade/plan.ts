/** Which host is next in a rolling upgrade, and what forbids it; pure. */
import type { MemberStatus } from '../../gen/cluster.js';
import type { Build } from './build.js';

/** A host as it is found. */
export interface HostFacts {
  readonly name: string;
  readonly role: 'master' | 'worker';
  readonly isAlive: boolean;
  /** The `bin/trireme` that it runs; undefined: none. */
  readonly program?: string | undefined;
  /** True for one that runs the build already. */
  readonly isDone: boolean;
  /** The words after the program of its command line. */
  readonly command: readonly string[];
  /** The log version that its store says the cluster has agreed on; undefined: none. */
  readonly logVersion?: number | undefined;
}

/** The host whose turn it is. */
export interface Turn {
  readonly name: string;
  readonly role: 'master' | 'worker';
  /** It leads, and another one can: leadership goes there first. */
  readonly transfer: boolean;
}

/**
 * What forbids the upgrade before anything is touched; undefined for nothing.
 * @param hosts of the home
 */
export function refusalOf(hosts: readonly HostFacts[], build: Build): string | undefined {
  const agreed = Math.max(0, ...hosts.map(({ logVersion }) => logVersion ?? 0));
  if (agreed > build.logVersion) {
    return (
      `the masters have agreed on log version ${agreed}, and the build ${build.version} knows log version ` +
      `${build.logVersion}: its store cannot read what theirs hold, and would stop. There is no way back to it but ` +
      'a snapshot that was saved before: trireme snapshot restore'
    );
  }
  for (const { name, role, command, isDone } of hosts) {
    if (isDone) continue;
    const unknown = command
      .filter((word) => word.startsWith('--'))
      .map((word) => word.replace(/=.*$/s, ''))
      .find((flag) => !build.flags[role].includes(flag));
    if (unknown === undefined) continue;
    return `the build ${build.version} does not know the flag ${unknown}, with which ${name} runs`;
  }
  return undefined;
}

/**
 * The next host: masters that do not run, those that follow, the one that leads; then workers, as `hosts` has them.
 * @param members as the store tells them now
 * @returns undefined when all are done
 */
export function nextTurn(
  hosts: readonly HostFacts[],
  members: readonly MemberStatus[],
): Turn | undefined {
  const left = hosts.filter(({ isDone }) => !isDone);
  const leads = ({ name }: HostFacts): boolean =>
    members.some((member) => member.name === name && member.leader);
  const masters = left.filter(({ role }) => role === 'master');
  const next =
    masters.find(({ isAlive }) => !isAlive) ??
    masters.find((host) => !leads(host)) ??
    masters[0] ??
    left.find(({ isAlive }) => !isAlive) ??
    left[0];
  if (next === undefined) return undefined;
  const { name, role } = next;
  const others = members.filter((member) => member.name !== name && !member.learner);
  return { name, role, transfer: next.isAlive && leads(next) && others.length > 0 };
}

/**
 * The masters for which a live one must not be stopped yet: the others that vote and do not answer, or have not
 * caught up with what the one that leads has in its log. Undefined when none leads.
 */
export function notReady(
  members: readonly MemberStatus[],
  except: string | undefined,
): readonly string[] | undefined {
  const leader = members.find((member) => member.leader && member.reachable);
  if (leader === undefined) return undefined;
  const isBehind = (one: MemberStatus): boolean =>
    !one.reachable || leader.raftIndex - one.appliedIndex > smallLag;
  return members.filter((one) => one.name !== except && isBehind(one)).map(({ name }) => name);
}

/** A master has caught up when it lacks no more entries than come while it is asked. */
const smallLag = 200;

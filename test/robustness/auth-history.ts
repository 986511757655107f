/** Records the answers to clients that change rights and to clients that use them, and checks them. */

/** Milliseconds of one monotonic clock. */
interface Timed {
  readonly calledAt: number;
  /** `Infinity`: nobody knows whether it happened. */
  readonly returnedAt: number;
}

/** The right was given or taken away, whichever way. */
export interface RightChange extends Timed {
  readonly allowed: boolean;
}

/** A call that needs the right. */
export interface Probe extends Timed {
  readonly allowed: boolean;
  /** The number of the password that the token was given for. */
  readonly password: number;
  readonly member: number;
  readonly call: 'get' | 'put';
}

/**
 * The history of one user from its beginning, without any right, up to the first change of unknown outcome: such a
 * change may take effect at any time.
 */
export interface Subject {
  readonly name: string;
  /** In their order, each the opposite of the one before. */
  readonly changes: RightChange[];
  /** Changes of the password; the first has number 1. */
  readonly passwords: Timed[];
  readonly probes: Probe[];
}

/** A member's answer about the auth revision. */
export interface Status extends Timed {
  readonly revision: number;
}

export interface AuthHistory {
  readonly subjects: Subject[];
  readonly statuses: Status[];
  /** When each acknowledged change of the auth tables was acknowledged. */
  readonly acknowledged: number[];
  /** The answers that are impossible under any order of the changes. */
  readonly problems: string[];
}

function checkProbe(subject: Subject, probe: Probe): string[] {
  const { name, changes, passwords } = subject;
  const problems: string[] = [];
  const last = changes.findLast(({ calledAt }) => calledAt < probe.returnedAt);
  // A change on its way at the same time makes both answers right.
  const isSure = last === undefined || last.returnedAt < probe.calledAt;
  if (isSure && probe.allowed !== (last?.allowed ?? false)) {
    const what = probe.allowed ? 'was let through without the right' : 'was refused its right';
    problems.push(`auth: ${name} ${what}: ${JSON.stringify({ probe, last })}`);
  }
  const newer = passwords[probe.password];
  if (probe.allowed && newer !== undefined && newer.returnedAt < probe.calledAt) {
    problems.push(`auth: ${name} came in with the token of an old password`);
  }
  return problems;
}

export function checkAuth(history: AuthHistory): string[] {
  const { subjects, statuses, acknowledged, problems } = history;
  const found = [...problems];
  for (const subject of subjects) {
    for (const probe of subject.probes) found.push(...checkProbe(subject, probe));
  }
  const inOrder = statuses.toSorted((a, b) => a.returnedAt - b.returnedAt);
  for (const { calledAt, revision } of statuses) {
    const before = inOrder.filter(({ returnedAt }) => returnedAt < calledAt);
    const least = Math.max(1, ...before.map((each) => each.revision));
    if (revision < least) found.push(`auth: revision ${revision} after ${least}`);
    // Each change raises it by one, and it begins with 1.
    const changes = acknowledged.filter((at) => at < calledAt).length;
    if (revision < 1 + changes) found.push(`auth: revision ${revision} after ${changes} changes`);
  }
  return found;
}

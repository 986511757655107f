/** What a machine's facts tell of its fitness: pure. */
import type { Finding } from './finding.js';
import { ok, problem, warning } from './finding.js';

/** A port of a role, and why it cannot be listened on; undefined: it is free. */
export interface PortFact {
  readonly port: number;
  readonly reason: string | undefined;
}

/** What was found on a machine; see `facts.ts`. */
export interface MachineFacts {
  /** The roles that run here or have run: they have data directories. */
  readonly roles: readonly ('master' | 'worker')[];
  /** True while a process holds a role's data directory. */
  readonly running: boolean;
  readonly ports: readonly PortFact[];
  /** Data directories of agents that run while no netproxy does, neither apart nor in the agent. */
  readonly withoutNetwork: readonly string[];
  readonly freeBytes: number;
  readonly freeInodes: number;
  /** Where that was measured. */
  readonly disk: string;
  /** Programs of containers and networks that are missing. */
  readonly missingPrograms: readonly string[];
  /** Features of the kernel that are missing. */
  readonly missingFeatures: readonly string[];
  /** Names of network namespaces and links of a cluster of `up` whose home is not known, and so of nobody. */
  readonly leftovers: readonly string[];
  /** Certificates by name, and when each ends. */
  readonly certificates: readonly { readonly name: string; readonly endsMs: number }[];
  /** Certificates, or directories of them, that cannot be read, each with the reason. */
  readonly unreadable: readonly string[];
  /** False where the system says that its clock follows no time server; undefined where it does not say. */
  readonly clockSynchronized: boolean | undefined;
}

const mebibyte = 1024 * 1024;
const diskProblemBytes = 512 * mebibyte;
const diskWarningBytes = 4096 * mebibyte;
const inodesMin = 10_000;
const dayMs = 86_400_000;

/** Judges a machine. */
export function machineFindings(facts: MachineFacts, nowMs: number): Finding[] {
  return [
    ports(facts),
    ...network(facts),
    disk(facts),
    programs(facts),
    features(facts),
    certificates(facts, nowMs),
    leftovers(facts),
    ...(facts.clockSynchronized === undefined ? [] : [clock(facts.clockSynchronized)]),
  ];
}

function ports({ ports: all, running }: MachineFacts): Finding {
  const numbers = all.map(({ port }) => port).join(', ');
  const taken = all.filter(({ reason }) => reason !== undefined);
  if (running) return ok('ports', `${numbers}: what runs here has them`);
  if (taken.length === 0) return ok('ports', `${numbers} are free`);
  const list = taken.map(({ port, reason }) => `${port} (${reason})`).join(', ');
  const mend = `ss -ltnp shows who listens; end it, or give other ports by flags`;
  return problem('ports', `not to be had: ${list}`, mend);
}

function network({ roles, withoutNetwork }: MachineFacts): Finding[] {
  if (!roles.includes('worker')) return [];
  if (withoutNetwork.length === 0) return [ok('network', 'each agent that runs has a netproxy')];
  const text = `no netproxy runs for ${withoutNetwork.join(', ')}: rules stand still, no DNS, no ingress, no new pods`;
  const mend = 'systemctl start trireme-netproxy, or scripts/up, or trireme netproxy';
  return [problem('network', text, mend)];
}

function disk({ freeBytes, freeInodes, disk: path }: MachineFacts): Finding {
  const text = `${(freeBytes / mebibyte / 1024).toFixed(1)} GiB free at ${path}`;
  const mend = 'make room: a store on a full disk takes no part';
  if (freeBytes < diskProblemBytes) return problem('disk', text, mend);
  if (freeInodes < inodesMin) return problem('disk', `${text}, ${freeInodes} inodes free`, mend);
  return freeBytes < diskWarningBytes ? warning('disk', text, mend) : ok('disk', text);
}

function programs({ missingPrograms }: MachineFacts): Finding {
  if (missingPrograms.length === 0) return ok('programs', 'all that containers need are there');
  const text = `missing: ${missingPrograms.join(', ')}`;
  return warning(
    'programs',
    `${text}; a worker runs plain processes only`,
    'scripts/up as root, or scripts/install worker, installs them',
  );
}

function features({ missingFeatures }: MachineFacts): Finding {
  if (missingFeatures.length === 0) return ok('kernel', 'all that a worker uses is there');
  const text = `missing: ${missingFeatures.join(', ')}`;
  return warning(
    'kernel',
    text,
    'modprobe overlay br_netfilter nf_conntrack vxlan; a container as a machine has no more than its host',
  );
}

function certificates(facts: MachineFacts, nowMs: number): Finding {
  const { certificates: all, roles, unreadable } = facts;
  if (unreadable.length > 0) {
    const mend = 'look again as root; what root cannot read is damaged';
    return problem('certificates', `not readable: ${unreadable.join(', ')}`, mend);
  }
  if (all.length === 0) return ok('certificates', 'none are kept here');
  const first = all.toSorted((a, b) => a.endsMs - b.endsMs)[0] ?? { name: '', endsMs: Infinity };
  const days = Math.floor((first.endsMs - nowMs) / dayMs);
  const text = `the first to end is ${first.name}, on ${new Date(first.endsMs).toISOString().slice(0, 10)}`;
  const mend = roles.includes('worker')
    ? 'trireme cert renew (a worker), or start the master again'
    : 'start the master again: it makes them anew';
  if (days < 0) return problem('certificates', text, mend);
  return days < 30 ? warning('certificates', text, mend) : ok('certificates', text);
}

function leftovers({ leftovers: names }: MachineFacts): Finding {
  if (names.length === 0) return ok('leftovers', 'none');
  const text = `of a cluster whose home is not known: ${names.join(', ')}`;
  return warning(
    'leftovers',
    text,
    'scripts/down --home DIR --purge, or ip netns del and ip link del by name',
  );
}

function clock(synchronized: boolean): Finding {
  return synchronized
    ? ok('clock', 'it follows a time server')
    : warning('clock', 'it follows no time server', 'timedatectl set-ntp true');
}

/** What the state of a cluster tells of its health: pure. */
import type { ClusterStatus } from '../../gen/cluster.js';
import { lostQuorum, quorumOf } from '../quorum.js';
import type { Finding } from './finding.js';
import { ok, problem, warning } from './finding.js';

/** Clocks that differ by more make leases and certificates doubtful. */
const clockToleranceMs = 2000;
const dayMs = 86_400_000;
const certificateWarningMs = 30 * dayMs;

/**
 * Judges a cluster by its status.
 * @param nowMs of this machine's clock, in the middle of the question and its answer
 */
export function clusterFindings(status: ClusterStatus, nowMs: number): Finding[] {
  return [
    quorum(status),
    ...members(status),
    builds(status),
    certificates(status),
    ...clock(status, nowMs),
    nodes(status),
    ...netproxies(status),
  ];
}

function quorum(status: ClusterStatus): Finding {
  const lost = lostQuorum(status);
  const { voters, down } = quorumOf(status);
  const text = `${voters.length - down.length} of ${voters.length} masters that vote answer`;
  if (lost !== undefined) return problem('quorum', text, lost.split('\n').slice(1).join(' '));
  if (!status.members.some(({ leader }) => leader)) {
    return problem('quorum', `${text}, and none leads`, 'look again: an election takes a second');
  }
  if (down.length > 0) {
    const names = down.map(({ name }) => name).toSorted();
    return warning('quorum', text, `start ${names.join(', ')}, or replace it (docs/OPERATIONS.md)`);
  }
  if (voters.length % 2 === 0) {
    return warning('quorum', `${text}; an even number bears no more failures`, 'add or remove one');
  }
  return ok('quorum', text);
}

/** A member that answers and is not well says why. */
function members({ members: all }: ClusterStatus): Finding[] {
  return all
    .filter(({ reachable, error }) => reachable && error !== '')
    .map(({ name, error }) => problem('store', `${name}: ${error}`, 'docs/OPERATIONS.md says how'));
}

function builds({ members: masters, nodes: workers }: ClusterStatus): Finding {
  const found = new Map<string, string[]>();
  const proxies = workers.map(({ name, netproxy }) => ({
    name: `${name} (netproxy)`,
    build: netproxy?.build ?? '',
  }));
  const apart = proxies.filter(({ build }, at) => build !== workers[at]?.build);
  for (const { name, build } of [...masters, ...workers, ...apart]) {
    if (build !== '') found.set(build, [...(found.get(build) ?? []), name]);
  }
  if (found.size <= 1) return ok('builds', [...found.keys()].join('') || 'unknown');
  const list = [...found].map(([build, names]) => `${build} on ${names.join(', ')}`);
  return warning('builds', list.join('; '), 'finish the upgrade: masters first, then workers');
}

function certificates({ members, nodes: workers, time }: ClusterStatus): Finding {
  const nowMs = Date.parse(time);
  const ending = [...members, ...workers]
    .filter(({ certificatesEnd }) => certificatesEnd !== '')
    .filter(({ certificatesEnd }) => Date.parse(certificatesEnd) - nowMs < certificateWarningMs);
  if (ending.length === 0)
    return ok('certificates', "masters' and nodes' hold for more than 30 days");
  const list = ending.map(({ name, certificatesEnd }) => `${name}: ${certificatesEnd}`);
  const mend = 'restart that master or worker: it makes them anew; its log says why it did not';
  return problem('certificates', `they end: ${list.join(', ')}`, mend);
}

function clock({ time, answeredBy }: ClusterStatus, nowMs: number): Finding[] {
  const offMs = nowMs - Date.parse(time);
  if (Math.abs(offMs) <= clockToleranceMs) {
    return [ok('clocks', `this machine and ${answeredBy} agree`)];
  }
  const by = `${Math.abs(offMs / 1000).toFixed(1)} s`;
  const text = `this machine is ${by} ${offMs > 0 ? 'ahead of' : 'behind'} ${answeredBy}`;
  const mend = 'let both follow a time server (systemd-timesyncd, chrony)';
  return [problem('clocks', text, mend)];
}

function nodes({ nodes: all }: ClusterStatus): Finding {
  const bad = all.filter(({ ready }) => !ready);
  if (bad.length === 0) return ok('nodes', `all ${all.length} are ready`);
  const list = bad.map(({ name, message }) => (message === '' ? name : `${name} (${message})`));
  const mend = 'start its worker; trireme doctor on that machine says what is missing there';
  return problem('nodes', `not ready: ${list.join(', ')}`, mend);
}

/** Of nodes whose agents are heard: where one is not, that is the fault. */
function netproxies({ nodes: all }: ClusterStatus): Finding[] {
  const told = all.flatMap(({ name, netproxy }) =>
    netproxy === undefined ? [] : [{ name, ...netproxy }],
  );
  if (told.length === 0) return [];
  const bad = told.filter(({ state }) => state === 'lagging' || state === 'silent');
  if (bad.length === 0) return [ok('netproxy', `of ${told.length} nodes, none lags or is silent`)];
  const list = bad.map(({ name, state }) => `${state} on ${name}`);
  const mend =
    'start trireme-netproxy there, or read its log; trireme doctor on that machine says more';
  return [problem('netproxy', list.join(', '), mend)];
}

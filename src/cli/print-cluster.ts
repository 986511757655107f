/** The status of a cluster as `cluster` prints it: pure. */
import type { ClusterStatus, MemberStatus, NodeStatus } from '../gen/cluster.js';
import { quorumOf } from './quorum.js';
import { renderTable } from './table.js';

/** The whole picture, for a person. Without a quorum nobody knows what components and nodes do: it was so at last. */
export function renderCluster(status: ClusterStatus): string {
  const isKnown = quorumOf(status).missing === 0;
  const members = renderTable(
    [
      'MASTER',
      'ROLE',
      'TERM',
      'INDEX',
      'APPLIED',
      'REVISION',
      'DB SIZE',
      'ENDPOINT',
      'BUILD',
      'CERTIFICATES TO',
      'HEALTH',
    ],
    status.members.map((member) => [
      member.name === '' ? '(joining)' : member.name,
      roleOf(member),
      member.reachable ? String(member.term) : '-',
      member.reachable ? String(member.raftIndex) : '-',
      member.reachable ? String(member.appliedIndex) : '-',
      member.reachable ? String(member.revision) : '-',
      member.reachable ? `${(member.dbSizeBytes / 1024 / 1024).toFixed(1)} MB` : '-',
      member.clientUrl,
      member.build || '-',
      dayOf(member.certificatesEnd),
      member.reachable
        ? member.error === ''
          ? 'ok'
          : member.error
        : `unreachable: ${member.error}`,
    ]),
  );
  const leaders = renderTable(
    ['COMPONENT', 'ACTIVE ON', 'RENEWED'],
    status.leaders.map((leader) => [
      leader.component,
      isKnown ? leader.holder || '<nobody>' : '<unknown>',
      leader.renewTime,
    ]),
  );
  const nodes = renderTable(
    ['NODE', 'STATUS', 'NETPROXY', 'ADDRESS', 'BUILD', 'CERTIFICATES TO', 'MESSAGE'],
    status.nodes.map((node) => [
      node.name,
      isKnown ? (node.ready ? 'Ready' : 'NotReady') : 'Unknown',
      netproxyOf(node, isKnown),
      node.address,
      node.build || '-',
      dayOf(node.certificatesEnd),
      node.message,
    ]),
  );
  const seen = `${status.time} as seen by ${status.answeredBy}`;
  return `${members}\n${leaders}\n${nodes}\n${certificateLine(status)}${seen}\n`;
}

/** `running iptables`, with its build where that is not the agent's; without a quorum it was so at last. */
function netproxyOf({ netproxy, build }: NodeStatus, isKnown: boolean): string {
  if (netproxy === undefined) return '-';
  const state = isKnown ? netproxy.state : 'unknown';
  const other = netproxy.build === build ? '' : netproxy.build;
  return [state, netproxy.mode, other].filter((word) => word !== '').join(' ');
}

const dayMs = 86_400_000;
/** They are renewed when a third of their time is left: less than this means that it has failed. */
const warnBeforeDays = 30;

function dayOf(end: string): string {
  return end === '' ? '-' : end.slice(0, 10);
}

/** Says when the first certificate ends, and of each that has not been renewed in time. */
function certificateLine({ members, nodes, time }: ClusterStatus): string {
  const known = [
    ...members.map(({ name, certificatesEnd }) => ({ name, end: certificatesEnd, mend: restart })),
    ...nodes.map(({ name, certificatesEnd }) => ({ name, end: certificatesEnd, mend: renew })),
  ]
    .filter(({ end }) => end !== '')
    .map((one) => ({
      ...one,
      days: Math.floor((Date.parse(one.end) - Date.parse(time)) / dayMs),
    }))
    .toSorted((a, b) => Date.parse(a.end) - Date.parse(b.end));
  const [first] = known;
  if (first === undefined) return '';
  const late = known.filter(({ days }) => days < warnBeforeDays);
  if (late.length === 0) {
    const day = dayOf(first.end);
    return `certificates: the first to end is one of ${first.name}, on ${day} (${first.days} days)\n`;
  }
  return late.map(lateLine).join('');
}

const restart = 'a restart of it renews them';
const renew = 'renew them by: trireme cert renew';

function lateLine(late: {
  readonly name: string;
  readonly end: string;
  readonly mend: string;
  readonly days: number;
}): string {
  const { name, end, mend, days } = late;
  return days < 0
    ? `CERTIFICATES: one of ${name} ended on ${dayOf(end)}; ${mend}\n`
    : `CERTIFICATES: one of ${name} ends on ${dayOf(end)} (${days} days): it has not been renewed, see the log of ${name}\n`;
}

/** The role of a member, as tables show it. */
export function roleOf(member: MemberStatus): string {
  if (!member.reachable) return 'down';
  if (member.leader) return 'LEADER';
  return member.learner ? 'learner' : 'follower';
}

/** Member ids are 64-bit: as hexadecimal text, as etcdctl prints them. @param part @default the whole */
export function clusterToJson(status: ClusterStatus, part?: keyof ClusterStatus): string {
  return JSON.stringify(part === undefined ? status : status[part], (_name, value: unknown) =>
    typeof value === 'bigint' ? value.toString(16) : value,
  );
}

/** The status of a cluster as `cluster` prints it: pure. */
import type { ClusterStatus, MemberStatus } from '../gen/cluster.js';
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
    ['NODE', 'STATUS', 'ADDRESS', 'BUILD', 'MESSAGE'],
    status.nodes.map((node) => [
      node.name,
      isKnown ? (node.ready ? 'Ready' : 'NotReady') : 'Unknown',
      node.address,
      node.build || '-',
      node.message,
    ]),
  );
  const seen = `${status.time} as seen by ${status.answeredBy}`;
  return `${members}\n${leaders}\n${nodes}\n${certificateLine(status)}${seen}\n`;
}

const dayMs = 86_400_000;
/** Masters renew their certificates when a third of the year is left: less than this means that it has failed. */
const warnBeforeDays = 30;

/** Returns when the first certificate of a master ends; nothing where no master says. */
function certificateLine({ members, time }: ClusterStatus): string {
  const [first] = members
    .filter(({ certificatesEnd }) => certificatesEnd !== '')
    .toSorted((a, b) => Date.parse(a.certificatesEnd) - Date.parse(b.certificatesEnd));
  if (first === undefined) return '';
  const day = first.certificatesEnd.slice(0, 10);
  const days = Math.floor((Date.parse(first.certificatesEnd) - Date.parse(time)) / dayMs);
  if (days < 0)
    return `CERTIFICATES: one of ${first.name} ended on ${day}; a restart of it renews them\n`;
  const end = `the first to end is one of ${first.name}, on ${day} (${days} days)`;
  return days >= warnBeforeDays
    ? `certificates: ${end}\n`
    : `CERTIFICATES: ${end}: it has not been renewed, see the log of ${first.name}\n`;
}

function roleOf(member: MemberStatus): string {
  if (!member.reachable) return 'down';
  if (member.leader) return 'LEADER';
  return member.learner ? 'learner' : 'follower';
}

/** Member ids are 64-bit: as hexadecimal text, as etcdctl prints them. */
export function clusterToJson(status: ClusterStatus): string {
  return JSON.stringify(status, (_name, value: unknown) =>
    typeof value === 'bigint' ? value.toString(16) : value,
  );
}

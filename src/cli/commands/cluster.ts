import { Command } from 'commander';
import type { ClusterStatus, MemberStatus } from '../../gen/cluster.js';
import { ClusterDefinition } from '../../gen/cluster.js';
import { delay, systemClock } from '../../lib/clock.js';
import { isGrpcError } from '../../lib/grpc/index.js';
import type { Connection, ConnectionFlags } from '../connection.js';
import { addConnectionFlags, connect } from '../connection.js';
import { renderTable } from '../table.js';
import { parseFlags } from '../../lib/flags.js';
import { UsageError } from '../../lib/usage-error.js';

interface Flags extends ConnectionFlags {
  readonly output?: string;
}

/** `trireme cluster status` and `trireme cluster watch`. */
export async function runCluster(argv: readonly string[]): Promise<number> {
  const command = addConnectionFlags(
    new Command('cluster')
      .argument('<action>', 'status: once; watch: live, an election shows as it happens')
      .option('-o, --output <format>', 'json'),
  );
  const parsed = parseFlags<Flags>(command, argv);
  if (parsed.help) return 0;
  const { options } = parsed;
  const [action] = options.args;
  if (action !== 'status' && action !== 'watch') {
    throw new UsageError('the action is "status" or "watch"');
  }
  const connection = await connect(options);
  try {
    if (action === 'watch') return await watch(connection, options.output === 'json');
    const status = await connection.call((channel) =>
      channel.client(ClusterDefinition).status({}, { deadlineMs: 5000 }),
    );
    process.stdout.write(options.output === 'json' ? `${toJson(status)}\n` : render(status));
    return 0;
  } finally {
    connection.close();
  }
}

/** Until interrupted; moves to another master when the one that answers dies. */
async function watch(connection: Connection, asJson: boolean): Promise<number> {
  const clock = systemClock();
  const screen = process.stdout.isTTY && !asJson;
  let last: ClusterStatus | undefined;
  for (;;) {
    const channel = connection.channel();
    try {
      for await (const status of channel.client(ClusterDefinition).watch({})) {
        if (asJson) process.stdout.write(`${toJson(status)}\n`);
        else if (screen)
          process.stdout.write(`\x1b[H\x1b[2J${render(status)}${describeChanges(last, status)}`);
        else process.stdout.write(describeChanges(last, status));
        last = status;
      }
    } catch (error) {
      if (!isGrpcError(error)) throw error;
      process.stderr.write(
        `${stamp(clock.nowMs())} ${channel.target} does not answer: ${error.message}\n`,
      );
      connection.failed(channel);
      await delay(clock, 100);
    }
  }
}

function stamp(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(11, 23);
}

/** The whole picture, for a person. */
export function render(status: ClusterStatus): string {
  const members = renderTable(
    ['MASTER', 'ROLE', 'TERM', 'INDEX', 'APPLIED', 'REVISION', 'DB SIZE', 'ENDPOINT', 'HEALTH'],
    status.members.map((member) => [
      member.name === '' ? '(joining)' : member.name,
      roleOf(member),
      member.reachable ? String(member.term) : '-',
      member.reachable ? String(member.raftIndex) : '-',
      member.reachable ? String(member.appliedIndex) : '-',
      member.reachable ? String(member.revision) : '-',
      member.reachable ? `${(member.dbSizeBytes / 1024 / 1024).toFixed(1)} MB` : '-',
      member.clientUrl,
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
      leader.holder === '' ? '<nobody>' : leader.holder,
      leader.renewTime,
    ]),
  );
  const nodes = renderTable(
    ['NODE', 'STATUS', 'ADDRESS', 'MESSAGE'],
    status.nodes.map((node) => [
      node.name,
      node.ready ? 'Ready' : 'NotReady',
      node.address,
      node.message,
    ]),
  );
  return `${members}\n${leaders}\n${nodes}\n${status.time} as seen by ${status.answeredBy}\n`;
}

function roleOf(member: MemberStatus): string {
  if (!member.reachable) return 'down';
  if (member.leader) return 'LEADER';
  return member.learner ? 'learner' : 'follower';
}

/** One line for each thing that became different: leaders, terms, members and nodes that come and go. */
export function describeChanges(before: ClusterStatus | undefined, after: ClusterStatus): string {
  const lines: string[] = [];
  const time = after.time.slice(11, 23);
  const leaderOf = (status: ClusterStatus | undefined): MemberStatus | undefined =>
    status?.members.find((member) => member.leader);
  const [was, is] = [leaderOf(before), leaderOf(after)];
  if (before === undefined || was?.name !== is?.name || was?.term !== is?.term) {
    lines.push(
      is === undefined
        ? `${time} no leader`
        : `${time} leader ${is.name} term ${is.term} index ${is.raftIndex}`,
    );
  }
  for (const member of after.members) {
    const old = before?.members.find((candidate) => candidate.id === member.id);
    if (old === undefined || roleOf(old) !== roleOf(member)) {
      lines.push(`${time} master ${member.name} is ${roleOf(member)}`);
    }
  }
  for (const leader of after.leaders) {
    const old = before?.leaders.find((candidate) => candidate.component === leader.component);
    if (old?.holder !== leader.holder) {
      lines.push(`${time} ${leader.component} is active on ${leader.holder || '<nobody>'}`);
    }
  }
  for (const node of after.nodes) {
    const old = before?.nodes.find((candidate) => candidate.name === node.name);
    if (old?.ready !== node.ready) {
      lines.push(`${time} node ${node.name} is ${node.ready ? 'Ready' : 'NotReady'}`);
    }
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** Member ids are 64-bit: as hexadecimal text, as etcdctl prints them. */
function toJson(status: ClusterStatus): string {
  return JSON.stringify(status, (_name, value: unknown) =>
    typeof value === 'bigint' ? value.toString(16) : value,
  );
}

/** `/debug/vars`: the state of Raft and of the process, under the names of etcd and of Go's expvar. */
import { memoryUsage } from 'node:process';
import { fileLimit } from '../../lib/process-metrics.js';
import type { Status } from '../../raft/index.js';

const states = {
  follower: 'StateFollower',
  preCandidate: 'StatePreCandidate',
  candidate: 'StateCandidate',
  leader: 'StateLeader',
} as const;

const progressStates = {
  probe: 'StateProbe',
  replicate: 'StateReplicate',
  snapshot: 'StateSnapshot',
} as const;

/** Returns the variables as JSON, one a line. */
export function debugVars(raft: Status): string {
  const vars = {
    cmdline: process.argv,
    file_descriptor_limit: fileLimit(),
    memstats: memory(),
    'raft.status': raftStatus(raft),
  };
  const lines = Object.entries(vars).map(([name, value]) => `"${name}": ${JSON.stringify(value)}`);
  return `{\n${lines.join(',\n')}\n}\n`;
}

function raftStatus(status: Status): object {
  const id = (value: bigint): string => value.toString(16);
  const progress = status.progress.map(({ id: member, match, next, state }) => [
    id(member),
    { match, next, state: progressStates[state] },
  ]);
  return {
    id: id(status.id),
    term: status.term,
    vote: id(status.vote),
    commit: status.commit,
    lead: id(status.leader),
    raftState: states[status.role],
    applied: status.applied,
    progress: Object.fromEntries(progress) as object,
    leadtransferee: id(status.leadTransferee),
  };
}

/** Those of Go's numbers that V8 has as well, in bytes. */
function memory(): object {
  const { rss, heapTotal, heapUsed } = memoryUsage();
  return {
    Alloc: heapUsed,
    Sys: rss,
    HeapAlloc: heapUsed,
    HeapSys: heapTotal,
    HeapIdle: heapTotal - heapUsed,
    HeapInuse: heapUsed,
  };
}

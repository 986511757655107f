/**
 * Summarizes CPU profiles of Node.js: `node dist/bench/lib/profile.js FILE.cpuprofile… [--top 30] [--skip 3]` lists,
 * per profile, the functions by their own time, by their time with callees, and files by their own time. Profiles are
 * written by `node --cpu-prof --cpu-prof-dir DIR …`; the first `skip` seconds, loading and warming up, are left out.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

interface ProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    readonly lineNumber: number;
  };
  readonly children?: readonly number[];
}

interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Microseconds by name. */
type Times = Map<string, number>;

interface Summary {
  readonly own: Times;
  readonly total: Times;
  readonly files: Times;
  readonly busyUs: number;
  readonly idleUs: number;
}

function add(times: Times, name: string, us: number): void {
  times.set(name, (times.get(name) ?? 0) + us);
}

function place(url: string): string {
  const file = url.replace(/^file:\/\//, '');
  return /(?:dist|node_modules)\/.*/.exec(file)?.[0] ?? file;
}

function nameOf(node: ProfileNode): string {
  const { functionName, url, lineNumber } = node.callFrame;
  const name = functionName === '' ? '(anonymous)' : functionName;
  return url === '' ? name : `${name} ${place(url)}:${lineNumber + 1}`;
}

function summarize(profile: CpuProfile, skipUs: number): Summary {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map<number, number>();
  for (const node of profile.nodes) {
    for (const child of node.children ?? []) parents.set(child, node.id);
  }
  const own: Times = new Map();
  const total: Times = new Map();
  const files: Times = new Map();
  let idleUs = 0;
  let busyUs = 0;
  let atUs = 0;
  for (const [at, id] of profile.samples.entries()) {
    const us = profile.timeDeltas[at] ?? 0;
    atUs += us;
    const node = nodes.get(id);
    if (node === undefined || atUs < skipUs) continue;
    if (node.callFrame.functionName === '(idle)') {
      idleUs += us;
      continue;
    }
    busyUs += us;
    add(own, nameOf(node), us);
    add(files, node.callFrame.url === '' ? nameOf(node) : place(node.callFrame.url), us);
    const seen = new Set<string>();
    for (let up: number | undefined = id; up !== undefined; up = parents.get(up)) {
      const above = nodes.get(up);
      if (above !== undefined) seen.add(nameOf(above));
    }
    for (const name of seen) add(total, name, us);
  }
  total.delete('(root)');
  return { own, total, files, busyUs, idleUs };
}

function list(title: string, times: Times, count: number, busyUs: number): void {
  console.log(`${title}:`);
  const sorted = [...times].toSorted((a, b) => b[1] - a[1]).slice(0, count);
  for (const [name, us] of sorted) {
    console.log(`${((us / busyUs) * 100).toFixed(1).padStart(6)}%  ${name}`);
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { top: { type: 'string', default: '30' }, skip: { type: 'string', default: '3' } },
});
const count = Number(values.top);
for (const path of positionals) {
  const profile = JSON.parse(readFileSync(path, 'utf8')) as CpuProfile;
  const summary = summarize(profile, Number(values.skip) * 1e6);
  const busy = (summary.busyUs / 1e6).toFixed(2);
  console.log(`\n${path}: busy ${busy} s, idle ${(summary.idleUs / 1e6).toFixed(2)} s`);
  list('own time', summary.own, count, summary.busyUs);
  list('with what is called', summary.total, count, summary.busyUs);
  list('files', summary.files, Math.ceil(count / 2), summary.busyUs);
}

/**
 * Our store beside a real etcd, measured in turns on the same machine: `node dist/bench/etcd/main.js --help`.
 * Exit code 0: all ran; 1: a run failed; 2: wrong usage. Missed goals are reported, they are no failure.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { Ports } from './cluster.js';
import type { Side } from './cluster.js';
import { runPairs } from './pairs.js';
import type { ScenarioResult } from './pairs.js';
import { describeMachine, markdown, terminalTable } from './report.js';
import type { Scenario } from './scenario.js';
import { growthScenarios } from './scenario-growth.js';
import { loadScenarios } from './scenario-load.js';
import { stateScenarios } from './scenario-state.js';
import { streamScenarios } from './scenario-streams.js';

const scenarios: readonly Scenario[] = [
  ...loadScenarios,
  ...streamScenarios,
  ...stateScenarios,
  ...growthScenarios,
];

const usage = `Usage: node dist/bench/etcd/main.js [flags]
  --scenarios LIST    which, by name or by the beginning of names (default: all but growth)
  --rounds N          pairs of runs of each (default 5)
  --seconds S         measured time of a run under load (default 3)
  --warmup S          load before it (default 2), and then on until there were
  --warmup-operations N   (default 30000), for 20 s at most
  --connections N     of the load generator (default: one for ten clients, spread over the members)
  --ours COMMAND      our program (default "bin/trireme etcd")
  --etcd COMMAND      the program to compare with (default "etcd")
  --dir DIR           a directory on the disk to use (default: the system's for temporary files)
  --base-port P       the first of up to 1000 ports (default 21000)
  --json FILE, --markdown FILE   where to write the results

Scenarios:
${scenarios.map((scenario) => `  ${scenario.name.padEnd(22)} ${scenario.what}`).join('\n')}
`;

const { values } = parseArgs({
  options: {
    scenarios: { type: 'string', default: '' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    warmup: { type: 'string', default: '2' },
    'warmup-operations': { type: 'string', default: '30000' },
    connections: { type: 'string' },
    ours: { type: 'string', default: 'bin/trireme etcd' },
    etcd: { type: 'string', default: 'etcd' },
    dir: { type: 'string', default: tmpdir() },
    'base-port': { type: 'string', default: '21000' },
    json: { type: 'string' },
    markdown: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

function misused(reason: string): never {
  console.error(reason);
  process.exit(2);
}

function positive(flag: string, text: string): number {
  const number = Number(text);
  return number > 0 ? number : misused(`${flag} wants a number above 0, not ${text}`);
}

/** The scenarios that begin with one of the given names, each once. */
function chosen(list: string): Scenario[] {
  const names = list.split(',').filter((name) => name !== '');
  for (const name of names) {
    if (!scenarios.some((scenario) => scenario.name.startsWith(name))) {
      misused(`no scenario ${name}; --help names them`);
    }
  }
  return scenarios.filter(
    (scenario) =>
      names.some((name) => scenario.name.startsWith(name)) ||
      (names.length === 0 && scenario.onlyByName !== true),
  );
}

/** A command as words; our program alone means its store. */
function side(name: Side['name'], text: string): Side {
  const words = text.split(' ').filter((word) => word !== '');
  if (words.length === 1 && basename(words[0] ?? '') === 'trireme') words.push('etcd');
  const [program = '', ...args] = words;
  try {
    const said = execFileSync(program, [...args, '--version'], { encoding: 'utf8' });
    return { name, command: words, version: said.split('\n')[0] ?? '' };
  } catch (error) {
    return misused(`cannot run ${text}: ${String(error)}`);
  }
}

if (values.help) {
  console.log(usage);
  process.exit(0);
}
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));
const ours = side('ours', values.ours);
const theirs = side('theirs', values.etcd);
const seconds = positive('--seconds', values.seconds);
const warmup = {
  ms: positive('--warmup', values.warmup) * 1000,
  operations: positive('--warmup-operations', values['warmup-operations']),
  maxMs: 20_000,
};
const rounds = positive('--rounds', values.rounds);
const directory = mkdtempSync(join(values.dir, 'trireme-bench-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
const results: ScenarioResult[] = [];
try {
  for (const scenario of chosen(values.scenarios)) {
    results.push(
      await runPairs(scenario, {
        ours,
        theirs,
        directory,
        rounds,
        ports: new Ports(positive('--base-port', values['base-port'])),
        warmup,
        measureMs: seconds * 1000,
        connections:
          values.connections === undefined
            ? undefined
            : positive('--connections', values.connections),
        onProgress: (line) => console.error(line),
      }),
    );
  }
  const where = {
    ...describeMachine(directory),
    date: new Date().toISOString().slice(0, 16).replace('T', ' ') + ' UTC',
    ours: `${ours.version} (\`${ours.command.join(' ')}\`)`,
    theirs: `${theirs.version} (\`${theirs.command.join(' ')}\`)`,
    command: ['node dist/bench/etcd/main.js', ...process.argv.slice(2)].join(' '),
    rounds,
    warmup,
    seconds,
  };
  console.log(terminalTable(results));
  if (values.json !== undefined) {
    writeFileSync(values.json, `${JSON.stringify({ where, results }, null, 2)}\n`);
  }
  if (values.markdown !== undefined) writeFileSync(values.markdown, markdown(results, where));
} finally {
  rmSync(directory, { recursive: true, force: true });
}
const failures = results.flatMap((result) => result.failures);
for (const failure of failures) console.error(failure);
process.exitCode = failures.length > 0 ? 1 : 0;

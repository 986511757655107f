/**
 * Runs the levels of tests one after the other and prints one closing line over all: `node dist/test/run.js
 * [level...]`. Fast levels run two files at a time. Those that start clusters run one file at a time, since they share
 * the machine; they wait for most of their time. Beside them run the tests that need nothing but processes and ports.
 * Beside all of them, from the first moment and at the lowest priority, runs the simulation.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Level {
  readonly name: string;
  readonly paths: readonly string[];
  readonly workers: number;
  /** Runs beside the levels after it: on equal terms, or on what they leave. */
  readonly beside?: 'as all' | 'last';
  /** Programs that run one after the other, beside the tests: most of them keep one core busy at most. */
  readonly checks: readonly (readonly string[])[];
}

/** Attacks that need processes and ports alone, and take minutes. */
const longAttacks = 'bounds|closers|smuggling';
/** Such tests of components. */
const onPorts = [
  'aggregation',
  'apiserver',
  'controllers',
  'etcd-',
  'fairness',
  'kubectl-parity',
  'master-certificates',
  'monitoring',
  'resource-metrics',
  'streaming',
  'why-history',
].join('|');

const levels: readonly Level[] = [
  { name: 'sim', paths: ['dist/test/sim/'], workers: 2, beside: 'last', checks: [] },
  {
    name: 'unit',
    paths: ['dist/src/', 'dist/test/docs/', 'dist/test/tidy'],
    workers: 2,
    checks: [
      ['node_modules/.bin/oxlint', '--type-aware', 'src', 'test', 'bench'],
      [
        'node_modules/.bin/prettier',
        '--check',
        '--log-level',
        'warn',
        'src',
        'test',
        'bench',
        'docs',
        'README.md',
      ],
      ['node_modules/.bin/knip'],
      ['node_modules/.bin/knip', '--production'],
    ],
  },
  {
    name: 'robustness',
    paths: [
      'dist/test/conformance/',
      'dist/test/robustness/',
      `dist/test/cluster/(${onPorts})`,
      `dist/test/security/(${longAttacks})`,
    ],
    workers: 1,
    beside: 'as all',
    checks: [],
  },
  {
    name: 'cluster',
    paths: [`dist/test/security/(?!${longAttacks})`, `dist/test/cluster/(?!${onPorts})`],
    workers: 1,
    checks: [],
  },
  { name: 'e2e', paths: ['dist/test/e2e/'], workers: 1, checks: [] },
];

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

function execute(command: string, parameters: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(command, parameters, {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, NODE_OPTIONS: '--experimental-vm-modules --no-warnings', VERIFY: '1' },
    });
    child.on('close', (code) => resolve(code ?? 1));
    child.on('error', () => resolve(1));
  });
}

async function runLevel(level: Level, counts: Counts): Promise<void> {
  console.error(`\n== ${level.name}`);
  await Promise.all([runChecks(level, counts), runTests(level, counts)]);
}

async function runChecks({ checks }: Level, counts: Counts): Promise<void> {
  for (const [command = '', ...parameters] of checks) {
    const code = await execute(command, parameters);
    if (code === 0) counts.passed += 1;
    else {
      counts.failed += 1;
      console.error(`FAIL ${command} ${parameters.join(' ')}`);
    }
  }
}

async function runTests(level: Level, counts: Counts): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'trireme-test-'));
  const report = join(folder, 'report.json');
  const lowest = ['-n', '19', process.execPath];
  const [program = '', ...first] =
    level.beside === 'last' ? ['nice', ...lowest] : [process.execPath];
  const code = await execute(program, [
    ...first,
    // Each file makes all its modules anew. Workers inherit the flag; programs that tests start do not.
    '--max-semi-space-size=64',
    'node_modules/jest/bin/jest.js',
    ...level.paths,
    `--maxWorkers=${level.workers}`,
    '--passWithNoTests',
    // A handle that a test leaves open must not hold up the levels after it.
    '--forceExit',
    '--json',
    `--outputFile=${report}`,
  ]);
  try {
    const result = JSON.parse(readFileSync(report, 'utf8')) as {
      numPassedTests: number;
      numFailedTests: number;
      numPendingTests: number;
      numRuntimeErrorTestSuites: number;
    };
    counts.passed += result.numPassedTests;
    counts.failed += result.numFailedTests + result.numRuntimeErrorTestSuites;
    counts.skipped += result.numPendingTests;
    if (code !== 0 && result.numFailedTests + result.numRuntimeErrorTestSuites === 0) {
      counts.failed += 1;
    }
  } catch {
    counts.failed += 1;
    console.error(`FAIL ${level.name}: jest left no report`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !levels.some((level) => level.name === name));
if (unknown.length > 0) {
  console.error(
    `unknown level: ${unknown.join(' ')}; there are ${levels.map((level) => level.name).join(', ')}`,
  );
  process.exit(2);
}
const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
const beside: Promise<void>[] = [];
for (const level of levels) {
  if (wanted.length > 0 && !wanted.includes(level.name)) continue;
  const running = runLevel(level, counts);
  if (level.beside === undefined) await running;
  else beside.push(running);
}
await Promise.all(beside);
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1;

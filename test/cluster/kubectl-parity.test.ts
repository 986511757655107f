/**
 * Command lines by the real kubectl and by ours, against one cluster: standard output, standard error and exit code are
 * the same, but for the lines that say why they differ.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { kubectlMinor } from './lib/kubectl-minor.js';
import type { Ran } from './lib/run-program.js';
import { runProgram } from './lib/run-program.js';
import { SmallCluster } from './lib/small-cluster.js';

const testdata = join(process.cwd(), 'test/cluster/testdata');
/** The words of kubectl change with its versions; this is the one that ours are held against. */
const comparedMinor = 33;
const basePort = 27_700;

interface Line {
  readonly command: string;
  readonly differs: boolean;
}

function readLines(): Line[] {
  return readFileSync(join(testdata, 'kubectl-parity.txt'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ command: line.replace(/^~ /, ''), differs: line.startsWith('~ ') }));
}

/** Words of a command line; those in single quotes are one. */
function wordsOf(command: string): string[] {
  return [...command.matchAll(/(?:'[^']*'|[^\s'])+/g)].map(([word]) => word.replaceAll("'", ''));
}

function run(
  program: readonly string[],
  args: readonly string[],
  kubeconfig: string,
): Promise<Ran> {
  const [name = '', ...before] = program;
  const env = { KUBECONFIG: kubeconfig, NODE_OPTIONS: '' };
  return runProgram(name, [...before, ...args], { env, timeoutMs: 90_000 });
}

/** What may differ from run to run, and from namespace to namespace. Blanks that align are one. */
const masks: readonly (readonly [RegExp, string])[] = [
  [/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, '<uid>'],
  [/\b(?:by-kubectl|by-trireme)\b/g, '<namespace>'],
  [/\bkubectl\b(?!\.kubernetes)/g, 'trireme'],
  [/\bweb-[0-9a-f]{8,10}(?:-[a-z0-9]{5})?\b/g, '<pod>'],
  [/\bpod-template-hash=[0-9a-f]+\b/g, '<hash>'],
  [/\b(?:process|containerd):\/\/[\w-]+/g, '<container>'],
  [/kube-api-access-\w{5}/g, '<token-volume>'],
  [/^ *Resource Version:.*$/gm, '<version>'],
  // How far a rollout is when it is looked at.
  [/^Waiting for deployment .*\n/gm, ''],
  [/\b10\.\d+\.\d+\.\d+\b/g, '<address>'],
  [/resourceVersion: "\d+"|"resourceVersion": "\d+"/g, '<version>'],
  [/\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+\d{4}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, '<time>'],
  [/\b(?:\d+[dhms]){1,2}\b/g, '<age>'],
  // kubectl before 1.34 prints what is not there.
  [/^ *creationTimestamp: null\n/gm, ''],
  [/^( *metadata:)(?: \{\})?\n/gm, '$1\n'],
  [/See 'trireme([\w -]*?) (?:-h' for help and examples|--help' for usage\.?)/g, "See 'trireme$1'"],
  [/ {2,}/g, '  '],
  [/[ \t]+$/gm, ''],
];

function masked(command: string, { out, err, code }: Ran): string {
  // kubectl asks for the logs of several containers in any order.
  const shown = command.startsWith('logs ') ? out.split('\n').toSorted().join('\n') : out;
  const text = `${shown}--- words\n${err}--- exit code ${code}\n`;
  return masks.reduce((all, [pattern, symbol]) => all.replace(pattern, symbol), text);
}

const suite = kubectlMinor() === comparedMinor ? describe : describe.skip;

suite('kubectl and trireme', () => {
  let cluster: SmallCluster;
  const answers = new Map<string, { readonly kubectl: string; readonly trireme: string }>();
  const lines = readLines();

  beforeAll(async () => {
    cluster = await SmallCluster.start(basePort);
    const { kubeconfig } = cluster;
    const kubectl = (...args: string[]): void => {
      const ran = spawnSync('kubectl', ['--kubeconfig', kubeconfig, ...args], {
        encoding: 'utf8',
        timeout: 90_000,
      });
      if (ran.status !== 0) throw new Error(`kubectl ${args.join(' ')}: ${ran.stderr}`);
    };
    kubectl('apply', '-f', join(testdata, 'kubectl-parity-kinds.yaml'));
    kubectl('wait', 'crd/gadgets.example.com', '--for=condition=Established');
    for (const name of ['by-kubectl', 'by-trireme']) {
      kubectl('create', 'namespace', name);
      kubectl('wait', '-n', name, 'sa/default', '--for=create', '--timeout=30s');
      kubectl('apply', '--server-side', '-n', name, '-f', join(testdata, 'kubectl-parity.yaml'));
    }
    for (const name of ['by-kubectl', 'by-trireme']) {
      kubectl('wait', '-n', name, 'pods', '--all', '--for=condition=Ready', '--timeout=60s');
    }
    // In order, since some change what others see; both programs at a time, each in its namespace.
    for (const { command } of lines) {
      const words = wordsOf(command);
      const at = words.indexOf('--');
      const inNamespace = (name: string): string[] => {
        const flag = words.includes('-A') || words[0] === 'config' ? [] : ['-n', name];
        return at < 0 ? [...words, ...flag] : [...words.slice(0, at), ...flag, ...words.slice(at)];
      };
      const [theirs, ours] = await Promise.all([
        run(['kubectl'], inNamespace('by-kubectl'), kubeconfig),
        run([process.execPath, 'bin/trireme'], inNamespace('by-trireme'), kubeconfig),
      ]);
      answers.set(command, { kubectl: masked(command, theirs), trireme: masked(command, ours) });
    }
  }, 400_000);

  afterAll(async () => {
    // A worker that stops leaves its pods running; those whose objects go are ended.
    const args = ['delete', 'namespace', 'by-kubectl', 'by-trireme', '--timeout=60s'];
    await run(['kubectl'], args, cluster.kubeconfig);
    await cluster.stop();
  }, 120_000);

  test.each(lines.filter(({ differs }) => !differs))('$command', ({ command }) => {
    const { kubectl, trireme } = answers.get(command) ?? { kubectl: '', trireme: 'not run' };
    expect(trireme).toBe(kubectl);
  });

  test.each(lines.filter(({ differs }) => differs))('$command differs still', ({ command }) => {
    const { kubectl, trireme } = answers.get(command) ?? { kubectl: '', trireme: '' };
    expect(trireme).not.toBe(kubectl);
  });
});

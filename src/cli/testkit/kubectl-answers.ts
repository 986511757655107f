/**
 * What kubectl 1.33 prints for command lines, as files beside the tests that hold ours against it. `UPDATE=1` asks the
 * kubectl of this machine anew, `UPDATE=new` only for lines without an answer: never ours, so that what is recorded is
 * right whatever ours prints.
 *
 * ```
 * # the name of the case
 * $ create namespace one --dry-run=client
 * namespace/one created (dry run)
 * ```
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { FakeCluster } from './fake-cluster.js';
import { systemClock } from '../../lib/clock.js';
import { FakeKubeServer } from './fake-kube-server.js';
import { runLine, transcriptMs, wordsOf } from './transcript.js';

/** A command line under a name. */
export type KubectlCase = readonly [name: string, line: string];

/** What kubectl prints and ours does not, or both under their own names. */
const masks: readonly (readonly [RegExp, string])[] = [
  // kubectl before 1.34 prints what is not there.
  [/^( *(?:- )?)metadata:\n( *)creationTimestamp: null\n(?!\2\S)/gm, '$1metadata: {}\n'],
  [/^ *creationTimestamp: null\n/gm, ''],
  [/\bkubectl\b(?!\.kubernetes)/g, 'trireme'],
  // Builds of kubectl begin failures of the command line with a capital, and print some through their logger.
  [/^! Error: (?=unknown |invalid argument|flag needs)/gm, '! error: '],
  [/See 'trireme([\w -]*?) (?:-h' for help and examples|--help' for usage\.?)/g, "See 'trireme$1'"],
];

const loggedFailure = /^! E\d+ .* run\.go:\d+\] "command failed" err=("(?:[^"\\]|\\.)*")$/gm;

function masked(text: string): string {
  const unlogged = text.replace(loggedFailure, (_, quoted: string) => {
    return `! error: ${JSON.parse(quoted) as string}`;
  });
  return masks.reduce((all, [pattern, symbol]) => all.replace(pattern, symbol), unlogged);
}

/** The answers of one file. */
export class KubectlAnswers {
  readonly #path: string;
  readonly #load: (nowMs: number) => Promise<FakeCluster>;
  readonly #known = new Map<string, string>();
  readonly #isRecording = process.env['UPDATE'] !== undefined;
  readonly #asked: string[] = [];

  /**
   * @param path of the file
   * @param load makes the cluster of a command line: each has its own, and kubectl's has the machine's time
   */
  constructor(path: string, load: (nowMs: number) => Promise<FakeCluster>) {
    this.#path = path;
    this.#load = load;
    if (process.env['UPDATE'] === '1' || !existsSync(path)) return;
    // A blank line more stands before each of the others.
    for (const block of `${readFileSync(path, 'utf8')}\n`.split(/^(?=# .*\n\$ )/m)) {
      const [, head = '', text = ''] = /^(# .*\n\$ .*\n)([^]*)$/.exec(block) ?? [];
      this.#known.set(head, masked(text.replace(/\n$/, '')));
    }
  }

  /** What ours prints, and what kubectl did. */
  async both([name, line]: KubectlCase): Promise<{
    readonly ours: string;
    readonly kubectl: string;
  }> {
    const head = `# ${name}\n$ ${line}\n`;
    const ours = masked(apart(await runLine(`trireme ${line}`, await this.#load(transcriptMs))));
    if (this.#isRecording) {
      this.#asked.push(head);
      if (!this.#known.has(head)) {
        this.#known.set(
          head,
          masked(await askKubectl(line, await this.#load(systemClock().nowMs()))),
        );
      }
    }
    return { ours, kubectl: this.#known.get(head) ?? 'nobody has asked kubectl: UPDATE=1 does' };
  }

  /** Writes what was recorded. */
  save(): void {
    if (!this.#isRecording) return;
    mkdirSync(dirname(this.#path), { recursive: true });
    const blocks = this.#asked.map((head) => `${head}${this.#known.get(head) ?? ''}`);
    writeFileSync(this.#path, blocks.join('\n'));
  }
}

/** A transcript with all words after all output, as they are recorded. */
function apart(text: string): string {
  const lines = text.split(/(?<=\n)/);
  const rank = (line: string): number =>
    /^\? \d+\n$/.test(line) ? 2 : line.startsWith('!') ? 1 : 0;
  return lines.toSorted((a, b) => rank(a) - rank(b)).join('');
}

/** Runs kubectl against a cluster. @returns what it printed, as transcripts have it */
async function askKubectl(line: string, cluster: FakeCluster): Promise<string> {
  const server = await FakeKubeServer.start(cluster);
  const home = mkdtempSync(join(tmpdir(), 'trireme-kubectl-'));
  const config = join(home, 'kubeconfig');
  writeFileSync(config, kubeconfig(server.url));
  try {
    const env = { PATH: process.env['PATH'], HOME: home, KUBECONFIG: config, TZ: 'UTC' };
    const { out, err, code } = await run(wordsOf(line), env);
    const words = err.replace(/^(?!$(?![\s\S]))/gm, '! ').replaceAll(/^! $/gm, '!');
    const both = [out, words].map((text) => text.replace(/(?<!\n)$(?![\s\S])/, '\n'));
    const text = both.filter((part) => part !== '\n').join('');
    return code === 0 ? text : `${text}? ${code}\n`;
  } finally {
    rmSync(home, { recursive: true });
    await server.close();
  }
}

function kubeconfig(server: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'fake', cluster: { server } }],
    contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'fake' } }],
    users: [{ name: 'fake', user: {} }],
    'current-context': 'fake',
  });
}

interface Ran {
  readonly out: string;
  readonly err: string;
  readonly code: number | null;
}

function run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ran> {
  const child = spawn('kubectl', args, { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: 20_000 });
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  const text = (chunks: readonly Buffer[]): string => Buffer.concat(chunks).toString('utf8');
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ out: text(out), err: text(err), code }));
  });
}

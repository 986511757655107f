/** A cluster goes to another build and back while clients write: two copies of this build stand for the two. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Cluster, describeUnless, whyNoContainers } from './lib.js';

const describeHere = describeUnless(whyNoContainers());
const flags = ['--masters=3', '--workers=1', '--runtime=hollow', '--no-example'];
const patienceMs = 200_000;

/** Another build: its own program, the same code. */
function copyOfBuild(): string {
  const folder = mkdtempSync(join(tmpdir(), 'trireme-build-'));
  mkdirSync(join(folder, 'bin'));
  for (const name of ['trireme', 'compiled.cjs', 'package.json']) {
    cpSync(join('bin', name), join(folder, 'bin', name));
  }
  for (const name of ['dist', 'node_modules', 'package.json', 'scripts']) {
    symlinkSync(resolve(name), join(folder, name));
  }
  return folder;
}

/** Creates one ConfigMap after the other, each until it is there. */
class Writer {
  readonly acknowledged: string[] = [];
  #isOver = false;
  readonly #ended: Promise<void>;

  constructor(cluster: Cluster) {
    this.#ended = this.#write(cluster);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#ended;
  }

  async #write(cluster: Cluster): Promise<void> {
    for (let n = 0; !this.#isOver; n++) {
      const name = `written-${n}`;
      let isThere = false;
      while (!isThere && !this.#isOver) {
        const { code, stderr } = await cluster.kubectl(['create', 'configmap', name]);
        isThere = code === 0 || stderr.includes('AlreadyExists');
      }
      if (isThere) this.acknowledged.push(name);
    }
  }
}

describeHere('an upgrade', () => {
  let cluster: Cluster;
  let other: string;
  let writer: Writer;

  /** The program that each process of each host runs. */
  const programs = (): string[] => {
    const { hosts } = cluster.record();
    const networks = hosts.flatMap(({ proxy }) => (proxy === undefined ? [] : [proxy]));
    expect(networks).toHaveLength(1);
    return [...hosts, ...networks].map(({ pid }) => {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return words.find((word) => word.endsWith('/bin/trireme')) ?? '';
    });
  };
  const upgrade = (...words: string[]): ReturnType<Cluster['trireme']> =>
    cluster.trireme(['upgrade', ...words], patienceMs);

  beforeAll(async () => {
    other = copyOfBuild();
    cluster = await Cluster.create();
    const up = await cluster.up(flags);
    if (up.code !== 0) throw new Error(`up failed: ${up.stderr}`);
    writer = new Writer(cluster);
  }, patienceMs);

  afterAll(async () => {
    await writer.stop();
    await cluster.down();
    rmSync(other, { recursive: true });
  }, 100_000);

  test(
    'that is broken off goes on when it is run again',
    async () => {
      const env = { ...process.env, TRIREME_HOME: cluster.home };
      const child = spawn(process.execPath, ['bin/trireme', 'upgrade', '--to', other], {
        env: { ...env, KUBECONFIG: join(cluster.home, 'kubeconfig') },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      await new Promise<void>((done) => {
        let said = '';
        child.stderr.on('data', (data: Buffer) => {
          said += data.toString();
          if (/master-\d runs /.test(said)) child.kill('SIGKILL');
        });
        child.once('close', () => done());
      });
      const { code, stdout, stderr } = await upgrade('--to', other);
      expect({ code, stderr }).toEqual({ code: 0, stderr });
      expect(stdout).toMatch(/^master-\d, .*worker-1, the gateway: /);
      expect(new Set(programs())).toEqual(new Set([join(other, 'bin/trireme')]));
      expect(await upgrade('--to', other)).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('already'),
      });
    },
    patienceMs,
  );

  test(
    'goes back, the one that leads last, and what was acknowledged is there',
    async () => {
      const leader = await cluster.leader();
      const { code, stdout, stderr } = await upgrade();
      expect({ code, stderr }).toEqual({ code: 0, stderr });
      expect(stderr).toContain(`${leader} leads: leadership goes to `);
      expect(stdout).toMatch(new RegExp(`, ${leader}, worker-1, the gateway: `));
      expect(new Set(programs())).toEqual(new Set([resolve('bin/trireme')]));
      await writer.stop();
      const { acknowledged } = writer;
      const there = new Set((await cluster.get('get', 'configmaps', '-o', 'name')).split('\n'));
      expect(acknowledged.length).toBeGreaterThan(0);
      expect(acknowledged.filter((name) => !there.has(`configmap/${name}`))).toEqual([]);
    },
    patienceMs,
  );

  test('`up` starts a host with what it ran', async () => {
    expect((await upgrade('--dry-run')).stdout).toContain('nothing is left to do');
    const { hosts } = cluster.record();
    expect(hosts.map(({ program }) => program)).toEqual(hosts.map(() => resolve('bin/trireme')));
  });
});

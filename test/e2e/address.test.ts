/** A master whose machine has another address: it is started with that, and tells the others itself. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Cluster, describeUnless, eventually, run, whyNoContainers } from './lib.js';

const describeHere = describeUnless(whyNoContainers());

const flags = ['--masters=3', '--workers=1', '--runtime=hollow', '--no-example'];
let cluster: Cluster;
let moved: ChildProcess | undefined;

async function kill(name: string): Promise<void> {
  const { pid } = cluster.host(name);
  process.kill(pid, 'SIGKILL');
  await eventually(`${name} is gone`, () => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8') === '' ? true : undefined;
    } catch {
      return true;
    }
  });
}

/** How many masters are well, and the lines of the status. */
async function status(): Promise<{ readonly well: number; readonly text: string }> {
  const { stdout } = await cluster.trireme(['cluster', 'status']);
  return { well: stdout.match(/^master-\d.* ok$/gm)?.length ?? 0, text: stdout };
}

describeHere('a master with another address', () => {
  let before = '';
  let after = '';

  beforeAll(async () => {
    cluster = await Cluster.create();
    const up = await cluster.up(flags);
    if (up.code !== 0) throw new Error(`up failed: ${up.stderr}`);
    const { address, netns } = cluster.host('master-2');
    before = address;
    after = address.replace(/\d+$/, '62');
    await kill('master-2');
    for (const words of [`del ${before}/24`, `add ${after}/24`]) {
      const { code } = await run('ip', [
        '-n',
        netns ?? '',
        'addr',
        ...words.split(' '),
        'dev',
        'eth0',
      ]);
      expect(code).toBe(0);
    }
    const gateway = before.replace(/\d+$/, '1');
    await run('ip', ['-n', netns ?? '', 'route', 'replace', 'default', 'via', gateway]);
  }, 200_000);

  afterAll(async () => {
    moved?.kill('SIGKILL');
    await cluster.down();
  }, 100_000);

  test('is a member at the new one after its start', async () => {
    const { command, netns } = cluster.host('master-2');
    const words = command.map((word) => word.replace(`--address=${before}`, `--address=${after}`));
    const program = [process.execPath, 'bin/trireme', ...words];
    moved = spawn('nsenter', [`--net=/run/netns/${netns ?? ''}`, ...program], { stdio: 'ignore' });
    const text = await eventually('all three are well', async () => {
      const found = await status();
      return found.well === 3 ? found.text : undefined;
    });
    expect(text).toMatch(
      new RegExp(`^master-2 .*https://${after.replaceAll('.', '\\.')}:2379 `, 'm'),
    );
    expect(text).not.toContain(`${before}:`);
    const { stdout } = await cluster.etcdctl(['member', 'list']);
    expect(stdout).toContain(`, started, master-2, https://${after}:2380, https://${after}:2379`);
  }, 120_000);

  test('makes the quorum when another is lost: the others reach it, and it reaches them', async () => {
    await kill('master-1');
    await eventually('the two that are left take writes', async () => {
      const { code } = await cluster.kubectl([
        '--context',
        'master-3',
        'create',
        'configmap',
        'after',
      ]);
      const { stdout } = await cluster.kubectl([
        '--context',
        'master-3',
        'get',
        'cm',
        'after',
        '-o',
        'name',
      ]);
      return code === 0 || stdout !== '' ? true : undefined;
    });
  }, 120_000);

  test('is known to workers', async () => {
    const { dataDir } = cluster.host('worker-1');
    await eventually('the worker has written the address down', () => {
      const { masters } = JSON.parse(readFileSync(`${dataDir}/credentials.json`, 'utf8')) as {
        masters: string[];
      };
      return masters.includes(`${after}:6444`) ? true : undefined;
    });
  }, 120_000);
});

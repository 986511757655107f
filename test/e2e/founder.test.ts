/**
 * The first master is killed and its disk is lost. Neither the old command line nor `up` may make a second cluster of
 * it: it joins those that are left, and nothing that was acknowledged is gone.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Cluster, describeUnless, eventually, whyNoContainers } from './lib.js';

const describeHere = describeUnless(whyNoContainers());

const flags = ['--masters=3', '--workers=0', '--runtime=process', '--no-example'];
let cluster: Cluster;

/** The processes of a host end with its top one. */
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

describeHere('a founder that lost its disk', () => {
  let authority: string;

  beforeAll(async () => {
    cluster = await Cluster.create();
    const up = await cluster.up(flags);
    if (up.code !== 0) throw new Error(`up failed: ${up.stderr}`);
    await cluster.get('create', 'configmap', 'kept', '--from-literal=a=b');
    authority = readFileSync(join(cluster.home, 'master-2', 'pki', 'ca.crt'), 'utf8');
    const { dataDir } = cluster.host('master-1');
    await eventually('the founder has written the others down', () => {
      const text = readFileSync(`${dataDir}.cluster.json`, 'utf8');
      return text.includes('master-2') && text.includes('master-3') ? true : undefined;
    });
    await kill('master-1');
    await rm(dataDir, { recursive: true });
  }, 400_000);

  afterAll(async () => {
    await cluster.down();
  }, 150_000);

  test('its old command line founds nothing, and says what to do', async () => {
    const { command } = cluster.host('master-1');
    const { code, stderr } = await cluster.on('master-1', process.execPath, [
      'bin/trireme',
      ...command,
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain('this machine was one of a cluster with master-2 (');
    expect(stderr).toContain('It founds no second cluster.');
    expect(stderr).toMatch(/--join=\S+:6444,\S+:6444 --token-file=FILE --ca-hash=sha256:/);
  });

  test('up takes it into the cluster that is there', async () => {
    const up = await cluster.up(flags);
    expect(up).toMatchObject({ code: 0 });
    const read = (name: string): string => readFileSync(join(cluster.home, name), 'utf8');
    expect(read('master-1/pki/ca.crt')).toBe(authority);
    const jsonpath = ['-o', 'jsonpath={.data.a}'];
    for (const context of ['trireme', 'master-1', 'master-2', 'master-3']) {
      const value = await eventually(`${context} answers`, () =>
        cluster.get('--context', context, 'get', 'configmap', 'kept', ...jsonpath),
      );
      expect(value).toBe('b');
    }
    const list = await cluster.etcdctl(['member', 'list']);
    expect(list.stdout.match(/, started, master-\d/g)?.toSorted()).toEqual(
      [1, 2, 3].map((n) => `, started, master-${n}`),
    );
  }, 300_000);

  test('a master that is stopping counts as stopped: up starts it again', async () => {
    const { pid } = cluster.host('master-2');
    process.kill(pid, 'SIGTERM');
    expect(await cluster.up(flags)).toMatchObject({ code: 0 });
    expect(cluster.host('master-2').pid).not.toBe(pid);
    const { stdout } = await cluster.trireme(['cluster', 'status']);
    expect(stdout.match(/ok$/gm)).toHaveLength(3);
  }, 300_000);

  test('kill-leader kills the master that leads, and up starts it again', async () => {
    const killed = await cluster.trireme(['cluster', 'kill-leader', '--home', cluster.home]);
    expect(killed).toMatchObject({ code: 0 });
    const [, name = '', pid = ''] =
      /^killed (\S+), which leads \(process (\d+)\)/.exec(killed.stdout) ?? [];
    expect(cluster.host(name).pid).toBe(Number(pid));
    const leader = await eventually('another one leads', async () => {
      const { stdout } = await cluster.trireme(['cluster', 'status']);
      return /^(master-\d) +LEADER/m.exec(stdout)?.[1];
    });
    expect(leader).not.toBe(name);
    expect(await cluster.up(flags)).toMatchObject({ code: 0 });
  }, 300_000);

  test('it is a member like the others: another may be lost now', async () => {
    await kill('master-2');
    const made = await eventually('the two that are left take writes', async () => {
      const { code } = await cluster.kubectl(['create', 'configmap', 'after']);
      const { stdout } = await cluster.kubectl(['get', 'configmap', 'after', '-o', 'name']);
      return code === 0 || stdout !== '' ? stdout.trim() : undefined;
    });
    expect(made).toBe('configmap/after');
  }, 120_000);

  test('without a quorum the status says so, and what to do', async () => {
    await kill('master-3');
    const { code, stderr } = await cluster.trireme(['cluster', 'status']);
    expect(code).toBe(1);
    expect(stderr).toContain(
      '2 of 3 masters do not answer (master-2, master-3): nothing is read or written until one of them is back.',
    );
    expect(stderr).toContain('trireme master recover');
  }, 120_000);
});

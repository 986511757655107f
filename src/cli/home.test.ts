import { afterEach, expect, test } from '@jest/globals';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { homeFlag, isAlive, isStopping, packageRoot, readClusterRecord } from './home.js';

let parent: ChildProcess | undefined;

afterEach(() => {
  parent?.kill('SIGKILL');
});

/** Starts a process under a name, whose parent never asks how it ended. @returns its id */
async function startUnder(name: string): Promise<number> {
  const child = spawn('bash', ['-c', `(exec -a ${name} sleep 60) & echo $!; exec sleep 60`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  parent = child;
  const [line] = (await child.stdout.take(1).toArray()) as Buffer[];
  // Until it has become sleep, the shell would still ask.
  await until(() => readFileSync(`/proc/${String(child.pid)}/comm`, 'utf8') === 'sleep\n');
  return Number(String(line).trim());
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

test('a killed process that nobody has asked about is not alive', async () => {
  const pid = await startUnder('trireme-test');
  await until(() => isAlive(pid));
  process.kill(pid, 'SIGKILL');
  await until(() => !isAlive(pid));
  // Its id is still taken.
  expect(process.kill(pid, 0)).toBe(true);
});

test('an id that another program has now is not ours', async () => {
  const pid = await startUnder('something-else');
  expect(process.kill(pid, 0)).toBe(true);
  expect(isAlive(pid)).toBe(false);
  expect(isAlive(2 ** 22 + 1)).toBe(false);
});

test("an id that another host's process has now is not that host", async () => {
  const pid = await startUnder('--data-dir=/trireme/master-1');
  await until(() => isAlive(pid, '/trireme/master-1'));
  expect(isAlive(pid)).toBe(true);
  expect(isAlive(pid, '/trireme/master-2')).toBe(false);
  expect(isAlive(pid, '/trireme/master')).toBe(false);
});

test('a process that has begun to stop is alive, and says so until it has ended', async () => {
  const script = `process.title='trireme: stopping';setInterval(()=>{},9e5)`;
  const child = spawn(process.execPath, ['-e', script, 'trireme'], { stdio: 'ignore' });
  parent = child;
  const pid = child.pid ?? 0;
  await until(() => isStopping(pid));
  expect(isAlive(pid)).toBe(true);
  expect(isAlive(pid, '/trireme/master-1')).toBe(true);
  child.kill('SIGKILL');
  await until(() => !isAlive(pid));
  expect(isStopping(pid)).toBe(false);
});

test('a home that is not the default one is named in commands', () => {
  expect(homeFlag('/srv/a home')).toBe(" --home '/srv/a home'");
  expect(homeFlag(join(packageRoot, '.trireme'))).toBe('');
});

test('a host that was started and not written down is known by what it runs', async () => {
  const home = mkdtempSync(join(tmpdir(), 'trireme-home-'));
  const dataDir = join(home, 'worker-1');
  const program = join(home, 'trireme');
  writeFileSync(program, 'process.stdin.resume(); console.log("runs");');
  const start = async (...words: readonly string[]): Promise<ChildProcess> => {
    const child = spawn(process.execPath, [program, ...words, `--data-dir=${dataDir}`], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await child.stdout.take(1).toArray();
    return child;
  };
  const logFile = join(home, 'logs', 'worker-1.log');
  const gone = 2 ** 22 + 1;
  const host = { name: 'worker-1', role: 'worker', pid: gone, netns: null, dataDir, logFile };
  const record = { hosts: [host], gateway: null, network: null, runtime: 'process' };
  writeFileSync(join(home, 'cluster.json'), JSON.stringify(record));
  expect((await readClusterRecord(home))?.hosts).toEqual([host]);
  const children = [await start('worker'), await start('netproxy')];
  const pids = children.map(({ pid }) => pid);
  try {
    const log = join(home, 'logs', 'worker-1-netproxy.log');
    expect((await readClusterRecord(home))?.hosts).toEqual([
      { ...host, pid: pids[0], proxy: { pid: pids[1], logFile: log } },
    ]);
  } finally {
    for (const child of children) child.kill('SIGKILL');
    rmSync(home, { recursive: true });
  }
});

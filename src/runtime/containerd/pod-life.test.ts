/** Golden transcript: the commands of a pod's whole life, in order. `UPDATE=1` records it anew. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  eventually,
  testContainer,
  testSandbox,
} from '../../../test/cluster/lib/runtime-contract.js';
import { ManualClock, systemClock } from '../../lib/clock.js';
import type { Clock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import type { ContainerRecord } from '../container-record.js';
import { digestOf } from '../container-record.js';
import type { RunCommand } from '../spawn.js';
import { dryRunner } from '../spawn.js';
import { StateStore } from '../state-store.js';
import { Containers } from './containers.js';
import { Ctr } from './ctr.js';
import { ImageViews } from './image-views.js';
import { Images } from './images.js';
import type { SandboxRecord } from './sandboxes.js';
import { Sandboxes } from './sandboxes.js';
import { SeccompProfiles } from './seccomp.js';

const golden = 'src/runtime/containerd/testdata/pod-life.txt';
const digest = `sha256:${'d'.repeat(64)}`;
/** Not the contract tests' own: a network namespace of that name may be there on this machine. */
const sandboxId = 'golden-1';
const sandbox = { ...testSandbox, id: sandboxId };
let dir = '';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'trireme-golden-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/**
 * Ends as `ctr` does that the shim runs: each time with the next of the failures, which is in the container's log
 * then.
 */
const failingShim = `#!/bin/sh
shift
while [ "$1" != -- ]; do eval "$1=\\$2"; shift 2; done
printf '2026-11-26T00:00:00.000000000Z stderr F ctr: %s\\n' "$(head -n 1 failures)" >> "$path"
sed -i 1d failures
echo 1 > "$exit"
`;

/** Returns the output of a containerd with one image. */
function answers(program: string, args: readonly string[]): string {
  const line = [program, ...args].join(' ');
  if (line.includes(' images list')) {
    return `REF TYPE DIGEST SIZE PLATFORMS LABELS\ndocker.io/library/busybox:latest t ${digest} 1.0 MiB linux/amd64 -\n`;
  }
  if (line.includes(' content get')) {
    return JSON.stringify({ config: { digest, Cmd: ['sh'] }, rootfs: { diff_ids: [digest] } });
  }
  if (line.includes(' snapshots info')) return JSON.stringify({ Parent: digest });
  return '';
}

function parts(run: RunCommand, clock: Clock): { containers: Containers; sandboxes: Sandboxes } {
  const ctr = new Ctr({ address: '/run/c.sock', namespace: 'trireme', run, log: silentLogger });
  const sandboxStore = new StateStore<SandboxRecord>(join(dir, 'sandboxes'));
  const shim = join(dir, 'shim');
  const sandboxes = new Sandboxes({
    dir: join(dir, 'mounts'),
    shim,
    cgroupRoot: '/kubepods',
    run,
    clock,
    store: sandboxStore,
  });
  const store = new StateStore<ContainerRecord>(join(dir, 'records'));
  const views = new ImageViews({
    ctr,
    run,
    dir: join(dir, 'images'),
    digestsInUse: () => new Set(store.values().map(digestOf)),
    clock,
    log: silentLogger,
  });
  const containers = new Containers({
    ctr,
    run,
    images: new Images({ ctr, views }),
    views,
    sandboxes,
    sandboxStore,
    store,
    seccomp: new SeccompProfiles({ ctr, localhostDir: dir }),
    host: { cgroupV2: false, mayLowerOomScore: true, capabilities: new Set() },
    dir: join(dir, 'containers'),
    shim,
    clock,
    log: silentLogger,
    emit: () => undefined,
  });
  return { containers, sandboxes };
}

test('a pod’s life', async () => {
  const clock = new ManualClock();
  const lines: string[] = [];
  const run = dryRunner({ print: (line) => lines.push(line), answers });
  const { containers, sandboxes } = parts(run, clock);
  const step = (name: string): number => lines.push(`# ${name}`);
  await new StateStore(join(dir, 'sandboxes')).load();
  await new StateStore(join(dir, 'records')).load();
  step('node');
  await sandboxes.start();
  step('sandbox');
  const begin = lines.length;
  await sandboxes.create(sandbox);
  // Its commands run side by side.
  lines.push(...lines.splice(begin).toSorted());
  step('first container of the image');
  const subject = { image: 'busybox', logDir: join(dir, 'logs') };
  await containers.create(testContainer(subject, 'c1', ['sleep', '1'], { sandboxId }));
  await containers.start('c1');
  step('second container of the image');
  await containers.create(testContainer(subject, 'c2', ['sleep', '1'], { sandboxId }));
  await containers.start('c2');
  step('it ends by itself');
  containers.onEvent({ type: 'exit', containerId: 'c1', exitCode: 0, atMs: clock.nowMs() });
  await containers.remove('c1');
  step('the other is stopped: a signal, then after the grace period another');
  const stopped = containers.stop('c2', { graceMs: 30_000 });
  const killed = async (): Promise<boolean> => {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    clock.advance(1000);
    return lines.some((line) => line.includes('SIGKILL'));
  };
  for (let turn = 0; turn < 1000 && !(await killed()); turn++);
  containers.onEvent({ type: 'exit', containerId: 'c2', exitCode: 137, atMs: clock.nowMs() });
  await stopped;
  await containers.remove('c2');
  step('what is left');
  await containers.sweep();
  await sandboxes.remove(sandbox.id);

  const text = `${lines.join('\n').replaceAll(dir, '<dir>').replaceAll(encodeURIComponent(dir), '<dir>')}\n`;
  if (process.env['UPDATE'] === '1') await writeFile(golden, text);
  expect(text).toBe(await readFile(golden, 'utf8'));
});

test.each([
  ['UNKNOWN', 'running'],
  ['PAUSING', 'running'],
  ['STOPPED', 'exited'],
])('a container whose task is said to be %s is %s', async (status, phase) => {
  const id = `said-${status.toLowerCase()}`;
  const lines: string[] = [];
  const run = dryRunner({
    print: (line) => lines.push(line),
    answers: (program, args) =>
      args.includes('tasks') && args.includes('list')
        ? `TASK    PID    STATUS\n${id}    7    ${status}\n`
        : answers(program, args),
  });
  const { containers, sandboxes } = parts(run, new ManualClock());
  await sandboxes.create(sandbox);
  const subject = { image: 'busybox', logDir: join(dir, 'logs') };
  await containers.create(testContainer(subject, id, ['sleep', '1'], { sandboxId }));
  await containers.start(id);
  await containers.reconcile();
  expect(containers.state(id)?.phase).toBe(phase);
  expect(lines.some((line) => line.includes('tasks rm'))).toBe(phase === 'exited');
});

describe('comparing what is recorded with what runs', () => {
  interface Task {
    status: string;
    exitCode: number;
  }

  /** A containerd with tasks, whose calls wait for `gate` after they have had their effect. */
  const daemon = (): { tasks: Map<string, Task>; gate: (line: string) => Promise<void> } & {
    run: RunCommand;
  } => {
    const tasks = new Map<string, Task>();
    const made = {
      tasks,
      gate: (_line: string): Promise<void> => Promise.resolve(),
      run: (async (program, args, options) => {
        const line = args.slice(4).join(' ');
        const id = args.at(-1) ?? '';
        let [code, stdout, stderr] = [0, '', ''];
        if (line === 'tasks list') {
          stdout = [
            'TASK    PID    STATUS',
            ...[...tasks].map(([name, t]) => `${name} 7 ${t.status}`),
          ]
            .map((row) => `${row}\n`)
            .join('');
        } else if (line.startsWith('run ')) tasks.set(id, { status: 'RUNNING', exitCode: 0 });
        else if (line.startsWith('tasks rm')) {
          const task = tasks.get(id);
          tasks.delete(id);
          code = task === undefined ? 1 : 0;
          stderr =
            task === undefined
              ? `ctr: no running task found: task ${id} not found: not found`
              : `time="t" level=warning msg="task ${id} exit with non-zero exit code ${task.exitCode}"`;
        } else return dryRunner({ print: () => undefined, answers })(program, args, options);
        await made.gate(line);
        return { code, stdout, stderr, timedOut: false };
      }) satisfies RunCommand,
    };
    return made;
  };

  const started = async (id: string, run: RunCommand): Promise<Containers> => {
    const { containers, sandboxes } = parts(run, new ManualClock());
    await sandboxes.create(sandbox);
    const subject = { image: 'busybox', logDir: join(dir, 'logs') };
    await containers.create(testContainer(subject, id, ['sleep', '1'], { sandboxId }));
    return containers;
  };

  const turns = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  };

  test('one comparison does not take an ended task, and its exit code, from another', async () => {
    const containerd = daemon();
    const containers = await started('ended', containerd.run);
    await containers.start('ended');
    containerd.tasks.set('ended', { status: 'STOPPED', exitCode: 3 });
    let told = (): void => undefined;
    containerd.gate = (line) =>
      line.startsWith('tasks rm')
        ? new Promise((resolve) => {
            told = resolve;
          })
        : Promise.resolve();
    const first = containers.reconcile();
    // The task is gone, and what ctr says of it is on its way.
    await eventually(() => containerd.tasks.size === 0);
    const second = containers.reconcile();
    await turns();
    containerd.gate = () => Promise.resolve();
    told();
    await Promise.all([first, second]);
    expect(containers.state('ended')?.exitCode).toBe(3);
  });

  test('a container that starts while its task is not listed yet has not ended', async () => {
    const containerd = daemon();
    const containers = await started('begins', containerd.run);
    let listed = (): void => undefined;
    const begins: (() => void)[] = [];
    containerd.gate = (line) =>
      new Promise((resolve) => {
        if (line === 'tasks list') listed = resolve;
        else if (line.startsWith('run ')) begins.push(resolve);
        else resolve();
      });
    // Noted as begun, but containerd has not heard of it.
    const starting = containers.start('begins');
    await eventually(() => begins.length > 0);
    containerd.tasks.delete('begins');
    const compared = containers.reconcile();
    await turns();
    containerd.tasks.set('begins', { status: 'RUNNING', exitCode: 0 });
    for (const begin of begins) begin();
    await starting;
    containerd.gate = () => Promise.resolve();
    listed();
    await compared;
    expect(containers.state('begins')?.phase).toBe('running');
  });

  test('an end that cannot be found out is asked for again', async () => {
    const containerd = daemon();
    let isStuck = true;
    const containers = await started('stuck', async (program, args, options) =>
      isStuck && args.includes('rm')
        ? { code: 1, stdout: '', stderr: 'ctr: context deadline exceeded', timedOut: false }
        : containerd.run(program, args, options),
    );
    await containers.start('stuck');
    containerd.tasks.set('stuck', { status: 'STOPPED', exitCode: 3 });
    await containers.reconcile();
    expect(containers.state('stuck')?.phase).toBe('running');
    isStuck = false;
    await containers.reconcile();
    expect(containers.state('stuck')?.exitCode).toBe(3);
  });
});

test('a container whose end cannot be recorded, as on a full disk, is removed all the same', async () => {
  const lines: string[] = [];
  const run = dryRunner({ print: (line) => lines.push(line), answers });
  const clock = systemClock();
  const { containers, sandboxes } = parts(run, clock);
  await sandboxes.create(sandbox);
  const subject = { image: 'busybox', logDir: join(dir, 'logs') };
  await containers.create(testContainer(subject, 'full', ['sleep', '1'], { sandboxId }));
  await containers.start('full');
  // No record can be written where its file would have to replace a directory.
  await rm(join(dir, 'records', 'full.json'));
  await mkdir(join(dir, 'records', 'full.json', 'in-the-way'), { recursive: true });
  containers.onEvent({ type: 'exit', containerId: 'full', exitCode: 0, atMs: clock.nowMs() });
  const forgotten = (): boolean => lines.some((line) => line.includes('tasks rm --force full'));
  await eventually(forgotten);
  await rm(join(dir, 'records', 'full.json'), { recursive: true });
  await containers.remove('full');
  expect(containers.state('full')).toBeUndefined();
});

describe('a start that fails', () => {
  /** Starts a container whose first starts end as told. @returns how often it was tried, and how that ended */
  const tries = async (id: string, failures: readonly string[]): Promise<[number, string]> => {
    const clock = new ManualClock();
    const dry = dryRunner({ print: () => undefined, answers });
    let count = 0;
    const { containers, sandboxes } = parts(async (program, args, options) => {
      if (!args.includes('run')) return dry(program, args, options);
      const failure = failures[count++];
      if (failure === undefined) return dry(program, args, options);
      return { code: 1, stdout: '', stderr: `ctr: ${failure}: unknown`, timedOut: false };
    }, clock);
    await sandboxes.create(sandbox);
    const subject = { image: 'busybox', logDir: join(dir, 'logs') };
    await containers.create(testContainer(subject, id, ['sleep', '1'], { sandboxId }));
    const outcome = await containers.start(id).then(
      (state) => state.phase,
      (error: unknown) => String(error),
    );
    return [count, outcome];
  };
  const gone =
    'failed to start shim: start failed: io.containerd.runc.v2: remove pre-existing socket: ENOENT';

  test('is made anew when it met the end of the pod’s last shim', async () => {
    const met = [
      'failed to create shim task: ttrpc: closed',
      'failed to start shim: start failed: dial unix /run/containerd/s/1: connect: connection refused',
      gone,
    ];
    expect(await tries('met-the-end', met)).toEqual([4, 'running']);
  });

  test('is not made for ever', async () => {
    const [count, outcome] = await tries(
      'for-ever',
      Array.from({ length: 9 }, () => gone),
    );
    expect(count).toBe(5);
    expect(outcome).toContain(`failed to create containerd task: ${gone}`);
  });

  test('is not made anew for any other reason', async () => {
    const reason = 'failed to create shim task: OCI runtime create failed';
    const [count, outcome] = await tries('other-reason', [reason]);
    expect(count).toBe(1);
    expect(outcome).toContain(reason);
  });

  test('with standard input: what the one before has left does not pass for its own', async () => {
    const run = dryRunner({ print: () => undefined, answers });
    const { containers, sandboxes } = parts(run, systemClock());
    await writeFile(join(dir, 'shim'), failingShim, { mode: 0o755 });
    await sandboxes.create(sandbox);
    const subject = { image: 'busybox', logDir: join(dir, 'logs') };
    await containers.create(testContainer(subject, 'input', ['sh'], { sandboxId, stdin: true }));
    const failures = join(dir, 'containers', 'input', 'failures');
    await writeFile(failures, `${gone}\nno such file: sh\n${gone}\n`);
    await expect(containers.start('input')).rejects.toThrow(
      /failed to create containerd task: no such file: sh$/,
    );
    expect(await readFile(failures, 'utf8')).toBe(`${gone}\n`);
  });
});

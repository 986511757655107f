/**
 * The interface test that every {@link ContainerRuntime} must pass, so that none drifts from the others. Called from a
 * test file, which says what the runtime can do.
 */
import { describe, expect, test, beforeAll, afterAll } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseLogLine } from '../../../src/runtime/log-file.js';
import type {
  ContainerConfig,
  ContainerRuntime,
  ContainerState,
  RuntimeEvent,
  SandboxConfig,
} from '../../../src/runtime/types.js';

export interface ContractSubject {
  readonly runtime: ContainerRuntime;
  /** An image with a shell. */
  readonly image: string;
  readonly logDir: string;
  /** Ends this one's agent side and makes another on the same data; undefined: it does not outlive its agent. */
  readonly restart?: () => Promise<ContainerRuntime>;
}

const patienceMs = 20_000;

/** Waits for a condition; fails after a deadline. */
export async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  const until = performance.now() + patienceMs;
  while (!(await condition())) {
    if (performance.now() > until) throw new Error('the condition did not come true');
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

/** A configuration with nothing special, for tests. */
export function testContainer(
  subject: Pick<ContractSubject, 'image' | 'logDir'>,
  id: string,
  command: readonly string[],
  extra: Partial<ContainerConfig> = {},
): ContainerConfig {
  return {
    id,
    sandboxId: 'contract-1',
    pod: { uid: 'contract-uid', namespace: 'default', name: 'contract' },
    name: id,
    restartCount: 0,
    image: subject.image,
    command,
    env: [],
    mounts: [],
    security: {
      privileged: false,
      runAsNonRoot: false,
      supplementalGroups: [],
      addCapabilities: [],
      dropCapabilities: [],
      readOnlyRootFilesystem: false,
      allowPrivilegeEscalation: true,
      seccomp: 'Unconfined',
      procMount: 'Default',
    },
    resources: {},
    logPath: join(subject.logDir, `${id}.log`),
    logMaxBytes: 1024 * 1024,
    stdin: false,
    stdinOnce: false,
    tty: false,
    annotations: { note: id },
    ...extra,
  };
}

/** A sandbox with nothing special, for tests. */
export const testSandbox: SandboxConfig = {
  id: 'contract-1',
  pod: { uid: 'contract-uid', namespace: 'default', name: 'contract' },
  hostname: 'contract',
  namespaces: { hostNetwork: false, hostPid: false, hostIpc: false, sharePid: false },
  qosClass: 'BestEffort',
  sysctls: {},
};

/** Defines the tests. `real`: commands truly run and print. */
export function describeRuntimeContract(
  name: string,
  options: {
    readonly real: boolean;
    readonly setUp: () => Promise<ContractSubject>;
    readonly tearDown: () => Promise<void>;
  },
): void {
  describe(`runtime contract: ${name}`, () => {
    let subject: ContractSubject;
    let runtime: ContainerRuntime;
    const events: RuntimeEvent[] = [];
    const exits = (id: string): RuntimeEvent[] =>
      events.filter((event) => event.type === 'exited' && event.containerId === id);
    const phaseOf = async (id: string): Promise<ContainerState['phase'] | undefined> =>
      (await runtime.containerStatus(id))?.phase;
    const make = async (
      id: string,
      command: readonly string[],
      extra: Partial<ContainerConfig> = {},
    ): Promise<void> => {
      await runtime.createContainer(testContainer(subject, id, command, extra));
    };

    const saysReady = (id: string): Promise<void> =>
      eventually(async () => {
        const text = await readFile(join(subject.logDir, `${id}.log`), 'utf8').catch(() => '');
        return text.includes('ready');
      });

    beforeAll(async () => {
      subject = await options.setUp();
      runtime = subject.runtime;
      runtime.onEvent((event) => events.push(event));
      await runtime.createSandbox(testSandbox);
    });
    afterAll(() => options.tearDown());

    test('a sandbox may be made twice and is listed once', async () => {
      const again = await runtime.createSandbox(testSandbox);
      expect(again.pod).toEqual(testSandbox.pod);
      const { sandboxes } = await runtime.list();
      expect(sandboxes.map(({ id }) => id)).toEqual(['contract-1']);
    });

    test('an image is found under its short and its full name', async () => {
      const short = await runtime.imageStatus(subject.image);
      expect(short?.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
      expect(await runtime.imageStatus(short?.reference ?? '')).toEqual(short);
      expect(await runtime.imageStatus('registry.invalid/none:1')).toBeUndefined();
    });

    test('a container of an unknown image is refused', async () => {
      const config = testContainer(subject, 'cnoimage', ['true'], {
        image: 'registry.invalid/none:1',
      });
      await expect(runtime.createContainer(config)).rejects.toMatchObject({
        code: 'ImageNotFound',
      });
    });

    test('created, running, stopped, removed', async () => {
      await make('clife', ['sleep', '1000']);
      await make('clife', ['sleep', '1000']);
      expect(await phaseOf('clife')).toBe('created');
      const started = await runtime.startContainer('clife');
      expect(started.phase).toBe('running');
      expect(started.annotations).toEqual({ note: 'clife' });
      expect((await runtime.stats()).map(({ id }) => id)).toContain('clife');
      await runtime.stopContainer('clife', { graceMs: 100 });
      expect(await phaseOf('clife')).toBe('exited');
      await eventually(() => exits('clife').length === 1);
      await runtime.stopContainer('clife', { graceMs: 0 });
      await runtime.removeContainer('clife');
      await runtime.removeContainer('clife');
      expect(await runtime.containerStatus('clife')).toBeUndefined();
    });

    test('calls on what is not there', async () => {
      await expect(runtime.startContainer('cnone')).rejects.toMatchObject({ code: 'NotFound' });
      await expect(
        runtime.exec(
          'cnone',
          { command: ['true'], stdin: false, tty: false },
          { stdout: () => true, stderr: () => true },
        ),
      ).rejects.toMatchObject({ code: 'NotFound' });
      await runtime.removeSandbox('no-such-sandbox');
    });

    if (options.real) {
      test('output is logged in CRI format and the exit code is told', async () => {
        await make('cexit', ['sh', '-c', 'echo out; echo err >&2; printf half; exit 3']);
        await runtime.startContainer('cexit');
        await eventually(async () => (await phaseOf('cexit')) === 'exited');
        expect((await runtime.containerStatus('cexit'))?.exitCode).toBe(3);
        const path = join(subject.logDir, 'cexit.log');
        await eventually(async () => (await readFile(path, 'utf8')).includes('half'));
        const entries = (await readFile(path, 'utf8'))
          .split('\n')
          .slice(0, -1)
          .map((line) => parseLogLine(Buffer.from(line)));
        const texts = entries.map((entry) => `${entry?.stream} ${entry?.text.toString()}`);
        expect(texts.sort()).toEqual(['stderr err', 'stdout half', 'stdout out']);
        for (const entry of entries) {
          expect(entry?.timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
        }
      });

      test('a device is there by its own name, or is refused', async () => {
        // Its rights are the kernel's to see to, where it has a cgroup of devices: the specification names them.
        const device = { hostPath: '/dev/zero', containerPath: '/dev/given', permissions: 'r' };
        const words = 'head -c 4 /dev/given | wc -c';
        const making = make('cdevice', ['sh', '-c', words], { devices: [device] });
        if (runtime.name === 'process') {
          await expect(making).rejects.toMatchObject({ code: 'InvalidConfig' });
          return;
        }
        await making;
        await runtime.startContainer('cdevice');
        const path = join(subject.logDir, 'cdevice.log');
        await eventually(async () => (await readFile(path, 'utf8')).endsWith(' stdout F 4\n'));
        const none = { ...device, hostPath: '/dev/trireme-none' };
        await expect(
          make('cnodevice', ['true'], { devices: [none] }).then(() =>
            runtime.startContainer('cnodevice'),
          ),
        ).rejects.toThrow(/trireme-none/);
      });

      test('a signal ends it with 128 + n', async () => {
        await make('cterm', [
          'sh',
          '-c',
          'trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done',
        ]);
        await runtime.startContainer('cterm');
        await saysReady('cterm');
        await runtime.stopContainer('cterm', { graceMs: 10_000 });
        expect((await runtime.containerStatus('cterm'))?.exitCode).toBe(9);
        await make('ckill', ['sh', '-c', 'trap "" TERM; echo ready; while :; do sleep 0.05; done']);
        await runtime.startContainer('ckill');
        await saysReady('ckill');
        await runtime.stopContainer('ckill', { graceMs: 200 });
        expect((await runtime.containerStatus('ckill'))?.exitCode).toBe(137);
      });

      test('exec: exit code, output, stdin, deadline', async () => {
        await make('cexec', ['sleep', '1000'], { env: [['WHO', 'me']] });
        await runtime.startContainer('cexec');
        const done = await runtime.execSync('cexec', ['sh', '-c', 'echo $WHO; exit 5'], 10_000);
        expect(done).toEqual({ exitCode: 5, output: 'me\n', timedOut: false });
        const late = await runtime.execSync('cexec', ['sleep', '60'], 200);
        expect(late.timedOut).toBe(true);
        let text = '';
        const session = await runtime.exec(
          'cexec',
          { command: ['cat'], stdin: true, tty: false },
          {
            stdout: (data) => {
              text += data.toString();
              return true;
            },
            stderr: () => true,
          },
        );
        session.write(Buffer.from('through\n'));
        session.closeStdin();
        expect((await session.done).exitCode).toBe(0);
        expect(text).toBe('through\n');
      });

      test('exec: short commands on a busy machine lose nothing of what they print', async () => {
        const rounds = Array.from({ length: 20 }, (_, round) => `${round}`);
        const one = async (round: string): Promise<string> => {
          let text = '';
          const take = (data: Buffer): boolean => {
            text += data.toString();
            return true;
          };
          const command = ['echo', round];
          const options = { command, stdin: false, tty: false };
          const session = await runtime.exec('cexec', options, { stdout: take, stderr: take });
          expect(await session.done).toEqual({ exitCode: 0 });
          return text.trim();
        };
        for (let again = 0; again < 3; again++) {
          expect(await Promise.all(rounds.map(one))).toEqual(rounds);
        }
      });

      test('exec on a terminal knows its size', async () => {
        let text = '';
        const session = await runtime.exec(
          'cexec',
          { command: ['sh'], stdin: true, tty: true },
          {
            stdout: (data) => {
              text += data.toString();
              return true;
            },
            stderr: () => true,
          },
        );
        session.resize({ width: 123, height: 45 });
        let asked = 0;
        await eventually(() => {
          if (performance.now() - asked > 200) {
            asked = performance.now();
            session.write(Buffer.from('stty size\n'));
          }
          return text.includes('45 123');
        });
        session.write(Buffer.from('exit 7\n'));
        expect((await session.done).exitCode).toBe(7);
      });

      test('attach to a container with a terminal: input, output, exit code', async () => {
        await make('ctty', ['sh', '-c', 'read line; echo "got $line"; exit 6'], {
          stdin: true,
          stdinOnce: true,
          tty: true,
        });
        await runtime.startContainer('ctty');
        let text = '';
        const session = await runtime.attach(
          'ctty',
          { stdin: true },
          {
            stdout: (data) => {
              text += data.toString();
              return true;
            },
            stderr: () => true,
          },
        );
        session.write(Buffer.from('hello\n'));
        expect((await session.done).exitCode).toBe(6);
        expect(text).toContain('got hello');
        await eventually(async () => (await phaseOf('ctty')) === 'exited');
        expect((await runtime.containerStatus('ctty'))?.exitCode).toBe(6);
      });

      test('attach to a container with stdin and no terminal', async () => {
        await make('cstdin', ['cat'], { stdin: true, stdinOnce: true });
        await runtime.startContainer('cstdin');
        let text = '';
        const session = await runtime.attach(
          'cstdin',
          { stdin: true },
          {
            stdout: (data) => {
              text += data.toString();
              return true;
            },
            stderr: () => true,
          },
        );
        session.write(Buffer.from('piped\n'));
        session.closeStdin();
        expect((await session.done).exitCode).toBe(0);
        expect(text).toBe('piped\n');
      });
    }

    test('what runs outlives the agent, and its end is told afterwards', async () => {
      if (subject.restart === undefined) return;
      await make('cstays', ['sh', '-c', 'while [ ! -e /tmp/go ]; do sleep 0.05; done; exit 4']);
      await runtime.startContainer('cstays');
      await make('cends', ['sh', '-c', 'sleep 0.2; exit 3']);
      await runtime.startContainer('cends');
      const before = await runtime.containerStatus('cstays');
      runtime = await subject.restart();
      runtime.onEvent((event) => events.push(event));
      const { containers } = await runtime.list();
      const adopted = containers.find(({ id }) => id === 'cstays');
      expect(adopted).toEqual(before);
      await eventually(async () => (await phaseOf('cends')) === 'exited');
      expect((await runtime.containerStatus('cends'))?.exitCode).toBe(3);
      await runtime.execSync('cstays', ['touch', '/tmp/go'], 10_000);
      await eventually(() => exits('cstays').length === 1);
      expect((await runtime.containerStatus('cstays'))?.exitCode).toBe(4);
    });

    test('removing the sandbox removes all that is in it', async () => {
      await make('clast', ['sleep', '1000']);
      await runtime.startContainer('clast');
      await runtime.removeSandbox('contract-1');
      const left = await runtime.list();
      expect(left).toEqual({ sandboxes: [], containers: [] });
    });
  });
}

/** `trireme cluster watch` on a real terminal and a real cluster, whose leader is killed. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { Cluster, describeUnless, eventually, whyNoContainers } from './lib.js';
import { TestTerminal } from './terminal.js';

const describeHere = describeUnless(whyNoContainers());

const flags = ['--masters=3', '--workers=0', '--runtime=process', '--no-example'];
const steps = ['heartbeat lost', 'pre-vote', 'candidate', 'votes', 'leader', 'first commit'];

let cluster: Cluster;

interface JsonElection {
  readonly type: string;
  readonly from: string;
  readonly winner: string;
  readonly fromTerm: number;
  readonly term: number;
  readonly steps: readonly { readonly step: string; readonly ms: number }[];
}

/** `cluster watch -o json`, line by line. */
function watchJson(): { objects(): readonly { readonly type: string }[]; stop(): void } {
  let said = '';
  const child = spawn(process.execPath, ['bin/trireme', 'cluster', 'watch', '-o', 'json'], {
    env: { ...process.env, KUBECONFIG: join(cluster.home, 'kubeconfig') },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const whole = (): string[] => said.split('\n').slice(0, -1);
  return {
    objects: () => whole().map((line) => JSON.parse(line) as { type: string }),
    stop: () => child.kill('SIGKILL'),
  };
}

function watchOn(columns: number, rows: number, env: Record<string, string> = {}): TestTerminal {
  const command = `${process.execPath} bin/trireme cluster watch`;
  const kubeconfig = join(cluster.home, 'kubeconfig');
  return new TestTerminal(command, { columns, rows, env: { KUBECONFIG: kubeconfig, ...env } });
}

describeHere('cluster watch', () => {
  beforeAll(async () => {
    cluster = await Cluster.create();
    const up = await cluster.up(flags);
    if (up.code !== 0) throw new Error(`up failed: ${up.stderr}`);
  }, 400_000);

  afterAll(async () => {
    await cluster.down();
  }, 150_000);

  test('shows the election when the leader is killed, and keeps its time line', async () => {
    const leader = await cluster.leader();
    const terminal = watchOn(80, 24);
    const json = watchJson();
    const shows = (text: string | RegExp): Promise<true> =>
      eventually(`the screen shows ${String(text)}\n${terminal.lines().join('\n')}`, () => {
        const screen = terminal.lines().join('\n');
        const isThere = typeof text === 'string' ? screen.includes(text) : text.test(screen);
        return isThere ? true : undefined;
      });
    try {
      await shows(`3 of 3 masters answer   leader ${leader}`);
      await shows(/kube-scheduler +active on master-\d/);
      expect(terminal.isFullScreen).toBe(true);
      const scheduler = /kube-scheduler +active on (\S+)/.exec(terminal.lines().join('\n'))?.[1];
      await eventually('JSON tells of every member', () =>
        json.objects().filter(({ type }) => type === 'member').length >= 3 ? true : undefined,
      );
      process.kill(cluster.host(leader).pid, 'SIGKILL');
      await shows(new RegExp(`ELECTION .*term \\d+ → \\d+ +${leader} → master-\\d`));
      for (const step of steps) await shows(new RegExp(`\\+\\d.* ${step} `));
      await shows(new RegExp(`${leader} (?:down|silent) for`));
      if (scheduler === leader) await shows(`was on ${leader}, lease r`);
      await shows(/kube-scheduler +active on master-\d/);
      await shows('2 of 3 masters answer');
      // It stays: nothing of it goes with the next picture.
      for (const step of steps) await shows(new RegExp(`\\+\\d.* ${step} `));
      expect(terminal.wrapped).toBe(0);
      expect(terminal.lines()[0]).toMatch(/^trireme /);
      expect(terminal.lines()[23]).toContain('q quits');
      const names = terminal.lines().flatMap((line) => /^(master-\d)/.exec(line)?.[1] ?? []);
      expect(names).toEqual(['master-1', 'master-2', 'master-3']);
      const [election] = (await eventually('JSON tells of the election', () => {
        const found = json.objects().filter(({ type }) => type === 'election');
        return found.length > 0 ? found : undefined;
      })) as unknown as JsonElection[];
      expect(election).toMatchObject({ from: leader });
      expect(election?.winner).not.toBe(leader);
      expect(election?.term).toBeGreaterThan(election?.fromTerm ?? Infinity);
      const told = election?.steps.map(({ step }) => step) ?? [];
      expect(told.slice(0, steps.length)).toEqual(steps);
      const times = election?.steps.map(({ ms }) => ms) ?? [];
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      terminal.type('q');
      expect(await terminal.ended).toBe(0);
      await eventually('the terminal is given back, with the time line on it', () =>
        !terminal.isFullScreen && terminal.lines().join('\n').includes('first commit')
          ? true
          : undefined,
      );
    } finally {
      json.stop();
      terminal.close();
    }
  }, 240_000);

  test('has colours, unless NO_COLOR forbids them, and shows more where there is room', async () => {
    const [coloured, plain] = [watchOn(120, 40), watchOn(120, 40, { NO_COLOR: '1' })];
    try {
      for (const terminal of [coloured, plain]) {
        await eventually('the screen shows who leads', () =>
          terminal.lines().some((line) => /of 3 masters answer +leader master-/.test(line))
            ? true
            : undefined,
        );
        expect(terminal.wrapped).toBe(0);
      }
      expect(coloured.written).toContain('\x1b[32m');
      expect(coloured.lines()[39]).toContain('● leader');
      expect(plain.written).not.toContain('\x1b[32m');
      expect(plain.lines()[39]).not.toContain('●');
      // As a user does: the key arrives as a character, not as a signal.
      plain.type('\x03');
      expect(await plain.ended).toBe(0);
    } finally {
      coloured.close();
      plain.close();
    }
  }, 120_000);

  test('--demo breaks and mends the masters, and finds every acknowledged write again', async () => {
    expect(await cluster.up(flags)).toMatchObject({ code: 0 });
    const result = await cluster.trireme(
      ['cluster', 'watch', '--demo', '--yes', '-o', 'json'],
      300_000,
    );
    expect({ code: result.code, stderr: result.stderr }).toMatchObject({ code: 0 });
    const objects = result.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; text?: string; winner?: string | null });
    const said = objects.flatMap(({ text }) => text ?? []);
    expect(said.join('\n')).toMatch(/\d+ writes were acknowledged, and .* none is lost\./);
    for (const scene of ['the leader killed', 'the leader paused', 'a follower cut off']) {
      expect(said.join('\n')).toContain(`with ${scene}: `);
    }
    const won = objects.filter(({ type, winner }) => type === 'election' && winner !== null);
    expect(won.length).toBeGreaterThanOrEqual(3);
    await eventually('its namespace is gone', async () => {
      const namespaces = await cluster.get('get', 'namespaces', '-o', 'name');
      return namespaces.includes('trireme-demo') ? undefined : true;
    });
  }, 330_000);

  test('--demo whose pipe is closed, as by `| head`, mends what it has broken', async () => {
    const child = spawn(process.execPath, ['bin/trireme', 'cluster', 'watch', '--demo', '--yes'], {
      env: {
        ...process.env,
        TRIREME_HOME: cluster.home,
        KUBECONFIG: join(cluster.home, 'kubeconfig'),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    const masters = ['master-1', 'master-2', 'master-3'];
    const rules = async (): Promise<number> => {
      const all = await Promise.all(masters.map((name) => cluster.on(name, 'iptables-save', [])));
      return all.filter(({ stdout }) => stdout.includes('trireme-demo')).length;
    };
    await eventually(
      'a master is cut off',
      async () => ((await rules()) === 1 ? true : undefined),
      180_000,
    );
    child.stdout.destroy();
    expect(await ended).toBe(130);
    expect(said).toContain('is cut off from the other masters now');
    expect(await rules()).toBe(0);
    await eventually('every master votes', async () => {
      const { code, stdout } = await cluster.trireme(['cluster', 'status', '-o', 'json']);
      const { members } = JSON.parse(stdout) as { members: { reachable: boolean }[] };
      return code === 0 && members.every(({ reachable }) => reachable) ? true : undefined;
    });
  }, 330_000);
});

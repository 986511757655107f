/**
 * Every parser of what `ctr` prints, against what three of its versions printed (`testdata/ctr/VERSION.json`: the
 * same commands on a containerd of that version, recorded on Debian bookworm's kernel with the packages of bookworm,
 * trixie and sid).
 */
import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { silentLogger } from '../../lib/log.js';
import * as commands from './commands.js';
import { Ctr } from './ctr.js';

interface Recorded {
  readonly code: number;
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
}

const versions = ['1.6.20', '1.7.24', '2.1.9'];
const recorded = (version: string): Readonly<Record<string, Recorded>> =>
  JSON.parse(
    readFileSync(`src/runtime/containerd/testdata/ctr/${version}.json`, 'utf8'),
  ) as Readonly<Record<string, Recorded>>;

describe.each(versions)('ctr %s', (version) => {
  const said = recorded(version);
  const stdout = (name: string): string => said[name]!.stdout.join('\n');
  const stderr = (name: string): string => said[name]!.stderr.join('\n');
  const events = said['events']!.stdout.map((line) => commands.parseEvent(line, 'rec'));

  test('the ends of containers, with code and time, and none of what was executed in them', () => {
    const exits = events.filter((event) => event?.type === 'exit');
    expect(exits.map(({ containerId, exitCode }) => [containerId, exitCode])).toEqual([
      ['c3', 3],
      ['c0', 0],
      ['oom', 137],
      ['c1', 137],
    ]);
    const dayMs = 24 * 60 * 60 * 1000;
    for (const { atMs } of exits) {
      expect(Math.floor(atMs / dayMs)).toBe(Math.floor(Date.UTC(2026, 10, 29) / dayMs));
    }
  });

  test('lack of memory', () => {
    expect(events.filter((event) => event?.type === 'oom')).toEqual([
      { type: 'oom', containerId: 'oom' },
    ]);
  });

  test('events of other namespaces', () => {
    const { stdout: lines } = said['events']!;
    expect(lines.flatMap((line) => commands.parseEvent(line, 'other') ?? [])).toEqual([]);
  });

  test('lists', () => {
    const tasks = commands
      .parseTasks(stdout('tasks-list'))
      .toSorted((a, b) => (a.id < b.id ? -1 : 1));
    expect(tasks.map(({ id, status }) => [id, status])).toEqual([
      ['c0', 'STOPPED'],
      ['c1', 'RUNNING'],
      ['c3', 'STOPPED'],
      ['oom', 'STOPPED'],
    ]);
    for (const { pid } of tasks) expect(pid).toBeGreaterThan(1);
    expect(commands.parseTasks(stdout('tasks-list-empty'))).toEqual([]);
    expect(commands.parseQuietList(stdout('containers-list')).toSorted()).toEqual([
      'bad',
      'c0',
      'c1',
      'c3',
      'oom',
    ]);
    expect(commands.parseQuietList(stdout('containers-list-empty'))).toEqual([]);
    expect(commands.parseImages(stdout('images-list-empty'))).toEqual([]);
    expect(commands.parseImages(stdout('images-list'))).toEqual([
      {
        reference: 'docker.io/library/busybox:latest',
        digest: 'sha256:fd33895d3a377f8e0de62f8904c5d3e4302b5faf0f4a5bd917f34cf4dd29ad5b',
        sizeBytes: 1_036_493,
      },
    ]);
  });

  test('imported images', () => {
    expect(commands.parseImported(stdout('images-import'))).toEqual([
      'docker.io/library/busybox:latest',
    ]);
  });

  test('exit codes of removed tasks', () => {
    const codes = ['tasks-rm-0', 'tasks-rm-3', 'tasks-rm-oom', 'tasks-rm-running'].map((name) =>
      commands.parseRemovedExitCode(stderr(name)),
    );
    expect(codes).toEqual([0, 3, 137, 137]);
  });

  test('the version', () => {
    expect(commands.parseVersion(stdout('version'))).toBe(version);
  });

  test.each([
    ['unavailable', 'Unavailable'],
    ['run-missing-image', 'NotFound'],
    ['images-pull-invalid', 'InvalidImageName'],
    ['images-pull-refused', 'Unavailable'],
    ['exec-missing', 'NotFound'],
    ['tasks-kill-missing', 'NotFound'],
    ['tasks-kill-stopped', 'NotRunning'],
    ['tasks-rm-missing', 'NotFound'],
    ['containers-rm-missing', 'NotFound'],
    ['run-bad', 'Failed'],
  ])('the error of %s is %s', (name, code) => {
    const ctr = new Ctr({
      address: '/run/ctr/s.sock',
      namespace: 'rec',
      run: () => Promise.reject(new Error('not run')),
      log: silentLogger,
    });
    const result = { code: said[name]!.code, stdout: '', stderr: stderr(name), timedOut: false };
    expect(result.code).not.toBe(0);
    const command = { args: ['x'], timeoutMs: 1 };
    expect(ctr.errorOf(command, result)).toMatchObject({ code });
  });
});

describe('what no version prints is an error and never a wrong value', () => {
  const exit = (at: string, rest = ''): string =>
    `2026-11-23 20:54:02.5 +0000 UTC rec /tasks/exit {"container_id":"c1","id":"c1"${rest},"exited_at":${at}}`;
  const unreadable = expect.objectContaining({ code: 'UNREADABLE_OUTPUT' });
  const thrown = (work: () => unknown): unknown => {
    try {
      return work();
    } catch (error) {
      return error;
    }
  };

  test.each([
    exit('"yesterday"'),
    exit('{}'),
    exit('{"seconds":"x"}'),
    exit('null'),
    exit('17'),
    exit('{"seconds":1,"nanos":0.5}'),
    exit('"2026-11-23T20:54:02Z"', ',"exit_status":"three"'),
    '2026-11-23 20:54:02.5 +0000 UTC rec /tasks/exit {"container_id":"c1",',
    '2026-11-23 20:54:02.5 +0000 UTC rec /tasks/exit {"id":"c1"}',
    '2026-11-23T20:54:02.5Z rec /tasks/exit container_id=c1',
    '2026-11-23 20:54:02.5 +0000 UTC rec /tasks/oom {}',
  ])('%s', (line) => {
    expect(thrown(() => commands.parseEvent(line, 'rec'))).toEqual(unreadable);
  });

  test('protobuf leaves zeros out', () => {
    const event = commands.parseEvent(exit('{"seconds":1700000000}'), 'rec');
    expect(event).toEqual({
      type: 'exit',
      containerId: 'c1',
      exitCode: 0,
      atMs: 1_700_000_000_000,
    });
  });

  test('lists and imports', () => {
    expect(thrown(() => commands.parseTasks('TASK PID STATUS\nc1 - RUNNING\n'))).toEqual(
      unreadable,
    );
    expect(thrown(() => commands.parseTasks('ID\nc1 1 RUNNING\n'))).toEqual(unreadable);
    expect(thrown(() => commands.parseImages('REF\nx y sha256:0 many MiB p -\n'))).toEqual(
      unreadable,
    );
    expect(thrown(() => commands.parseImages('REF\nx y sha256:0 1 parsecs p -\n'))).toEqual(
      unreadable,
    );
    expect(thrown(() => commands.parseImported('done\n'))).toEqual(unreadable);
    expect(commands.parseImported('')).toEqual([]);
  });
});

import { describe, expect, test } from '@jest/globals';
import * as commands from './commands.js';
import { errorText } from './ctr.js';

/** The output of ctr 1.6.20. */
const printed = {
  images: [
    'REF                              TYPE                                       DIGEST                                                                  SIZE       PLATFORMS   LABELS ',
    `docker.io/library/busybox:latest application/vnd.oci.image.manifest.v1+json sha256:${'f'.repeat(64)} 1012.2 KiB linux/amd64 -      `,
    `registry.local/nginx:1           application/vnd.oci.image.manifest.v1+json sha256:${'7'.repeat(64)} 4.9 MiB    linux/amd64 -      `,
    '',
  ].join('\n'),
  tasks: 'TASK    PID      STATUS    \nc1      24713    RUNNING\nc2      24754    STOPPED\n',
  exit: '2026-11-23 20:54:02.527510463 +0000 UTC trireme /tasks/exit {"container_id":"c1","id":"c1","pid":24713,"exit_status":137,"exited_at":"2026-11-23T20:54:02.527483052Z"}',
  execExit:
    '2026-11-23 20:54:02.527510463 +0000 UTC trireme /tasks/exit {"container_id":"c1","id":"exec-1","pid":24713,"exited_at":"2026-11-23T20:54:02.527483052Z"}',
  oom: '2026-11-23 20:54:02.527510463 +0000 UTC trireme /tasks/oom {"container_id":"c1"}',
  start:
    '2026-11-23 20:54:01.998212243 +0000 UTC trireme /tasks/start {"container_id":"c1","pid":24713}',
};

describe('parsers', () => {
  test('images', () => {
    expect(commands.parseImages(printed.images)).toEqual([
      {
        reference: 'docker.io/library/busybox:latest',
        digest: `sha256:${'f'.repeat(64)}`,
        sizeBytes: 1_036_493,
      },
      {
        reference: 'registry.local/nginx:1',
        digest: `sha256:${'7'.repeat(64)}`,
        sizeBytes: 5_138_022,
      },
    ]);
    expect(commands.parseImages('')).toEqual([]);
  });

  test('tasks', () => {
    expect(commands.parseTasks(printed.tasks)).toEqual([
      { id: 'c1', pid: 24713, status: 'RUNNING' },
      { id: 'c2', pid: 24754, status: 'STOPPED' },
    ]);
  });

  test('events: exits of containers and lack of memory, nothing else', () => {
    expect(commands.parseEvent(printed.exit, 'trireme')).toEqual({
      type: 'exit',
      containerId: 'c1',
      exitCode: 137,
      atMs: Date.parse('2026-11-23T20:54:02.527Z'),
    });
    expect(commands.parseEvent(printed.exit, 'other')).toBeUndefined();
    expect(commands.parseEvent(printed.execExit, 'trireme')).toBeUndefined();
    expect(commands.parseEvent(printed.oom, 'trireme')).toEqual({ type: 'oom', containerId: 'c1' });
    expect(commands.parseEvent(printed.start, 'trireme')).toBeUndefined();
    expect(commands.parseEvent('rubbish', 'trireme')).toBeUndefined();
  });

  test('an exit code of 0 is left out by ctr', () => {
    const line = printed.exit.replace('"exit_status":137,', '');
    expect(commands.parseEvent(line, 'trireme')).toMatchObject({ exitCode: 0 });
  });

  test('the exit code that the removal of a task mentions', () => {
    const stderr =
      'time="2026-11-23T20:54:03Z" level=warning msg="task c1 exit with non-zero exit code 137"';
    expect(commands.parseRemovedExitCode(stderr)).toBe(137);
    expect(commands.parseRemovedExitCode('')).toBe(0);
  });

  test('imported images', () => {
    const line = `unpacking docker.io/library/busybox:latest (sha256:${'f'.repeat(64)})...done\n`;
    expect(commands.parseImported(line)).toEqual(['docker.io/library/busybox:latest']);
  });

  test('errors without ctr’s name and log lines', () => {
    expect(errorText('time="…" level=info msg=x\nctr: image "x": not found\n')).toBe(
      'image "x": not found',
    );
  });
});

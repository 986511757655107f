import { expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import type { ProcessEntry } from './processes.js';
import { isOfHost, listProcesses, withDescendants } from './processes.js';

test('a process is listed with its parent and its words', async () => {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()', 'a (strange) word']);
  try {
    const found = (await listProcesses()).find(({ pid }) => pid === child.pid);
    expect(found).toMatchObject({ parent: process.pid });
    expect(found?.words.slice(1)).toEqual(['-e', 'process.stdin.resume()', 'a (strange) word']);
  } finally {
    child.kill('SIGKILL');
  }
});

test('those below a process go with it, however they are listed', () => {
  const entry = (pid: number, parent: number, ...words: string[]): ProcessEntry => ({
    pid,
    parent,
    words,
  });
  const all = [entry(4, 3), entry(3, 2), entry(2, 1, 'it'), entry(5, 1), entry(1, 0)];
  const found = withDescendants(all, ({ words }) => words[0] === 'it');
  expect(found).toEqual(new Set([2, 3, 4]));
});

const data = '/x/.trireme/worker-1';

test.each([
  ['its containerd', `containerd --config ${data}/runtime/config.toml`],
  ['one whose state is in /run', 'containerd --config /run/trireme-0a1b/config.toml'],
  ['a shim', `/usr/bin/containerd-shim-runc-v2 -id p -address ${data}/containerd.sock`],
  ['our shim', `/usr/bin/perl ${data}/runtime/trireme-shim run path ${data}/logs/0.log`],
  ['the init of a PID namespace', `unshare --pid --fork ${data}/runtime/trireme-shim pause`],
  ['its agent', `/usr/bin/node --max-semi-space-size=16 /x/bin/trireme worker --data-dir=${data}`],
  ['a program of an image', `${data}/runtime/roots/7/bin/httpd -f`],
])('%s is of the host', (_, line) => {
  expect(isOfHost({ pid: 2, parent: 1, words: line.split(' ') }, [data, '/run/trireme-0a1b'])).toBe(
    true,
  );
});

test.each([
  ['who reads its log', `tail -f ${data}/logs/pod.log`],
  ['an editor', `vi ${data}/runtime/config.toml`],
  ['a script of the user', `node /home/me/look.js ${data}/node.json`],
  ['a shell that names it', `bash -c cat ${data}/x | containerd`],
  ['a host with a longer name', `/usr/bin/node /x/bin/trireme worker --data-dir=${data}0`],
  ['another one', '/usr/bin/node /x/bin/trireme worker --data-dir=/x/.trireme/worker-2'],
  ["the machine's containerd", '/usr/bin/containerd'],
  ['a kernel thread', ''],
])('%s is not', (_, line) => {
  expect(isOfHost({ pid: 2, parent: 1, words: line.split(' ') }, [data])).toBe(false);
});

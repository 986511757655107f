/** The services' units: what systemd itself says of them, where it is installed. */
import { describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const hasAnalyze = spawnSync('systemd-analyze', ['--version']).status === 0;

function unit(role: string, ...flags: readonly string[]): string {
  const script =
    'program=/bin/true etc=/etc/trireme; . scripts/lib/units.sh; ' +
    'unit_text "$1" "Trireme $1" "" mixed "${@:2}"';
  const run = spawnSync('bash', ['--norc', '-euc', script, 'units', role, ...flags], {
    encoding: 'utf8',
  });
  expect(run.stderr).toBe('');
  return run.stdout;
}

/** What `systemd-analyze security` says: ten is everything, zero is nothing. */
function exposure(role: string, text: string): number {
  const directory = mkdtempSync(join(tmpdir(), 'trireme-unit-'));
  try {
    const file = join(directory, `trireme-${role}.service`);
    writeFileSync(file, text);
    const words = ['security', '--offline=yes', '--no-pager', file];
    const run = spawnSync('systemd-analyze', words, { encoding: 'utf8' });
    return Number(/exposure level for \S+: ([\d.]+)/.exec(run.stdout)?.[1] ?? Number.NaN);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const mounting = /^(?:Protect\w+|Private\w+|ReadWritePaths|TemporaryFileSystem)=/m;

(hasAnalyze ? describe : describe.skip)('by systemd-analyze', () => {
  test('a master is exposed below 3', () => {
    expect(exposure('master', unit('master'))).toBeLessThan(3);
  });

  test("a worker's network below 5", () => {
    expect(exposure('netproxy', unit('netproxy'))).toBeLessThan(5);
  });

  test('an agent, which is root for its node, below 8', () => {
    expect(exposure('worker', unit('worker', '--runtime=containerd'))).toBeLessThan(8);
  });
});

describe("the unit of a worker's network", () => {
  const text = unit('netproxy');

  test('starts with the flags of the worker', () => {
    expect(text).toContain('\nEnvironmentFile=/etc/trireme/worker.env\n');
    expect(text).toContain('\nExecStart=/bin/true netproxy $TRIREME_FLAGS\n');
  });

  test('leaves it what rules need: settings of the network, and the modules of rules', () => {
    expect(text).toMatch(/^CapabilityBoundingSet=.*CAP_NET_ADMIN.*CAP_SYS_MODULE$/m);
    expect(text).not.toMatch(/ProtectKernel(?:Tunables|Modules)|Delegate/);
  });
});

describe('the unit of an agent', () => {
  const managed = [
    ['--containerd-managed'],
    ['--runtime=process'],
    ['--runtime', 'process'],
    ['--runtime=containerd', '--containerd-managed', '--max-pods=5'],
  ];

  test('gives it no mounts of its own: the runtime must see what it mounts', () => {
    expect(unit('worker', '--runtime=containerd')).not.toMatch(mounting);
    expect(unit('master')).toMatch(mounting);
  });

  test('takes what no tool of a node needs', () => {
    const text = unit('worker', '--runtime=containerd', '--containerd-socket=/run/c.sock');
    expect(text).toContain('\nCapabilityBoundingSet=~CAP_WAKE_ALARM\n');
    expect(text).not.toMatch(/CAP_(?:SYS_ADMIN|NET_ADMIN|NET_RAW|SYS_PTRACE|MKNOD|SETUID)\b/);
  });

  test.each(managed)('takes nothing from pods that are its children: %s', (...flags) => {
    expect(unit('worker', ...flags)).not.toMatch(/Capability|SystemCall|Restrict|Lock/);
  });
});

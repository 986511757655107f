/**
 * The kernel's numbers by architecture, as the shim has them, and the one thing it uses of the architecture that runs
 * the tests.
 */
import { expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { systemClock } from '../../lib/clock.js';
import { shimFile } from '../testkit/shim-process.js';

const clock = systemClock();

/** Loads the shim without running it, and prints what the expression gives. */
function perl(expression: string): string {
  const program = `require $ARGV[0]; print ${expression};`;
  return execFileSync('perl', ['-e', program, shimFile], { encoding: 'utf8' });
}

/**
 * The expected numbers are the preprocessor's output for <asm/ioctls.h> and <asm/unistd.h> of Debian's linux-libc-dev
 * and linux-libc-dev-ARCH-cross (6.1), and ELF's number of the machine (elf(5)).
 */
test('are those of the kernel’s headers', () => {
  const text = readFileSync('src/runtime/shim/testdata/kernel-numbers.txt', 'utf8');
  const rows = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  expect(rows).toHaveLength(7);
  for (const row of rows) {
    const [name = '', machine = '', ...numbers] = row.split(/\s+/);
    const shown = perl(
      `join ' ', map { sprintf '%#x', $_ } @{ kernel_numbers(${machine}) }{qw(unlock number control resize clock)}`,
    );
    expect(`${name} ${shown}`).toBe(`${name} ${numbers.join(' ')}`);
  }
});

test('an architecture that is not known has the generic terminals, and a clock in whole seconds', () => {
  expect(perl(`sprintf '%#x', kernel_numbers(9999)->{resize}`)).toBe('0x5414');
  expect(perl(`defined kernel_numbers(9999)->{clock} ? 'known' : 'unknown'`)).toBe('unknown');
  const inSeconds = perl(`do { no warnings; *numbers = sub { kernel_numbers(9999) }; stamp() }`);
  expect(inSeconds).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000000000Z$/);
});

test('this machine’s are found by the program that runs, and its clock is right', () => {
  const machines: Readonly<Partial<Record<NodeJS.Architecture, number>>> = {
    x64: 62,
    arm64: 183,
    arm: 40,
    ia32: 3,
  };
  expect(perl('elf_machine()')).toBe(String(machines[process.arch] ?? perl('elf_machine()')));
  const before = clock.nowMs();
  const stamp = Date.parse(perl('stamp()'));
  expect(stamp).toBeGreaterThanOrEqual(before - 1000);
  expect(stamp).toBeLessThanOrEqual(clock.nowMs());
});

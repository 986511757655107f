import { describe, expect, test } from '@jest/globals';
import { compatOf, FeatureGates } from './feature-gates.js';
import { parseFlags } from './flags.js';
import { Flags } from './typed-flags.js';

const flagsOf = (...argv: string[]): Flags => new Flags(parseFlags(argv, {}));
const gates = (...argv: string[]): FeatureGates => new FeatureGates(flagsOf(...argv));

describe('--feature-gates', () => {
  test.each([
    [['--feature-gates=CompactHashCheck=true'], [false, true, true]],
    [['--feature-gates=AllAlpha=true,CompactHashCheck=F'], [true, false, true]],
    [['--feature-gates=,AllBeta=0,'], [false, false, false]],
    [['--experimental-initial-corrupt-check'], [true, false, true]],
    [[], [false, false, true]],
  ])('%j', (argv, on) => {
    const found = gates(...argv);
    const names = ['InitialCorruptCheck', 'CompactHashCheck', 'TxnModeWriteWithSharedBuffer'];
    expect(names.map((name) => found.isOn(name as 'CompactHashCheck'))).toEqual(on);
  });

  test.each([
    ['CompactHashCheck', 'missing bool value for CompactHashCheck'],
    ['Nothing=true', 'unrecognized feature gate: Nothing'],
    [
      'LeaseCheckpoint=yes',
      'invalid value of LeaseCheckpoint=yes, err: strconv.ParseBool: parsing "yes": invalid syntax',
    ],
  ])('%s is refused in the words of 3.6', (value, problem) => {
    expect(() => gates(`--feature-gates=${value}`)).toThrow(problem);
  });

  test('a gate and the flag that it was are not given both', () => {
    const argv = ['--experimental-compact-hash-check-enabled=false'];
    expect(() => gates('--feature-gates=CompactHashCheck=true', ...argv)).toThrow(
      'cannot specify both flags: --experimental-compact-hash-check-enabled=false and ' +
        '--feature-gates=CompactHashCheck=true at the same time, please just use --feature-gates=CompactHashCheck=true',
    );
  });

  test('what has no effect here is named', () => {
    const found = gates('--feature-gates=LeaseCheckpoint=true,CompactHashCheck=true,AllBeta=true');
    expect(found.withoutEffect).toEqual(['LeaseCheckpoint']);
  });
});

describe('--compat', () => {
  test('3.5 unless another is asked for', () => {
    expect(['3.5', '3.6'].map((one) => compatOf(flagsOf(`--compat=${one}`)))).toEqual([
      '3.5',
      '3.6',
    ]);
    expect(compatOf(flagsOf())).toBe('3.5');
    expect(() => compatOf(flagsOf('--compat=3.7'))).toThrow('invalid value "3.7" for flag -compat');
  });

  test('3.6 has no flags of the v2 API and its proxy', () => {
    const argv = ['--enable-v2=false'];
    expect(compatOf(flagsOf(...argv))).toBe('3.5');
    expect(() => compatOf(flagsOf('--compat=3.6', ...argv))).toThrow(
      'flag provided but not defined: -enable-v2',
    );
  });
});

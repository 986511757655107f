import { afterEach, describe, expect, test } from '@jest/globals';
import { ManualClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import type { CommandResult } from '../command.js';
import { iptablesKernel } from '../iptables/kernel.js';
import { RuleSet } from '../iptables/rule-set.js';
import { RuleApplier } from './rule-applier.js';

const batchMs = 20;
const resyncMs = 10_000;

let applier: RuleApplier | undefined;
afterEach(() => applier?.stop());

/** Waits until promises that are ready have run. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
};

/** A kernel that has what it was given last, in the form of `iptables-save`, and a rule set of one chain beside it. */
function setUp(): {
  readonly clock: ManualClock;
  readonly applier: RuleApplier;
  readonly rules: RuleSet;
  readonly calls: string[];
  readonly kernel: { saved: string; fails: number };
  readonly want: (rule: string) => void;
} {
  const clock = new ManualClock();
  const calls: string[] = [];
  const kernel = { saved: '', fails: 0 };
  const rules = new RuleSet({
    base: new Map(),
    shared: new Map(),
    hooks: [],
    owns: (chain) => chain.startsWith('OURS'),
  });
  const answer = (code: number, stdout = '', stderr = ''): Promise<CommandResult> =>
    Promise.resolve({ code, stdout, stderr });
  const created = new RuleApplier({
    rules,
    clock,
    log: silentLogger,
    kernel: iptablesKernel((program, args, options) => {
      calls.push([program, ...args].join(' '));
      if (kernel.fails > 0) {
        kernel.fails--;
        return answer(4, '', 'resource problem');
      }
      if (program === 'iptables-save') return answer(0, kernel.saved);
      kernel.saved = options?.stdin ?? '';
      return answer(0);
    }),
  });
  applier = created;
  const want = (rule: string): void => {
    rules.set('one', { chains: new Map([['filter/OURS', [rule]]]), shared: new Map() });
    created.request();
  };
  return { clock, applier: created, rules, calls, kernel, want };
}

describe('changes', () => {
  test('are gathered, and applied in one batch; the first one looks at what is there', async () => {
    const { clock, calls, kernel, want } = setUp();
    want('-j A');
    want('-j B');
    expect(calls).toEqual([]);
    clock.advance(batchMs);
    await settle();
    expect(calls).toEqual(['iptables-save', 'iptables-restore --noflush']);
    expect(kernel.saved).toBe('*filter\n:OURS - [0:0]\n-A OURS -j B\nCOMMIT\n');
    want('-j C');
    clock.advance(batchMs);
    await settle();
    expect(calls.slice(2)).toEqual(['iptables-restore --noflush']);
  });

  test('that change nothing run nothing', async () => {
    const { clock, calls, want } = setUp();
    want('-j A');
    clock.advance(batchMs);
    await settle();
    want('-j A');
    clock.advance(batchMs);
    await settle();
    expect(calls).toHaveLength(2);
  });

  test('are told by `applied` when they are in the kernel', async () => {
    const { clock, applier, kernel, want } = setUp();
    want('-j A');
    let isApplied = false;
    const applied = applier.applied().then(() => (isApplied = true));
    await settle();
    expect(isApplied).toBe(false);
    clock.advance(batchMs);
    await applied;
    expect(kernel.saved).toContain('-A OURS -j A');
  });

  test('are handed over just before each batch', async () => {
    const { clock, applier, rules, kernel } = setUp();
    let batch = 0;
    applier.onBatch(() => {
      const chains = new Map([['filter/OURS' as const, [`-j B${++batch}`]]]);
      rules.set('one', { chains, shared: new Map() });
    });
    applier.request();
    clock.advance(batchMs);
    await settle();
    expect(kernel.saved).toContain('-j B1');
  });
});

describe('a failure', () => {
  test('is tried again after a second, from what is there by then', async () => {
    const { clock, calls, kernel, want } = setUp();
    want('-j A');
    clock.advance(batchMs);
    await settle();
    kernel.fails = 1;
    want('-j B');
    clock.advance(batchMs);
    await settle();
    expect(kernel.saved).toContain('-j A');
    clock.advance(1000);
    await settle();
    expect(calls.slice(2)).toEqual([
      'iptables-restore --noflush',
      'iptables-save',
      'iptables-restore --noflush',
    ]);
    expect(kernel.saved).toContain('-j B');
  });

  test('keeps waiting those who wait', async () => {
    const { clock, applier, kernel, want } = setUp();
    kernel.fails = 2;
    want('-j A');
    const applied = applier.applied();
    clock.advance(batchMs);
    await settle();
    clock.advance(1000);
    await settle();
    clock.advance(1000);
    await applied;
    expect(kernel.saved).toContain('-j A');
  });
});

describe('damage by others', () => {
  test('is found at the next look, and mended', async () => {
    const { clock, calls, kernel, want } = setUp();
    want('-j A');
    clock.advance(batchMs);
    await settle();
    kernel.saved = '*filter\n:OURS - [0:0]\n-A OURS -j FOREIGN\nCOMMIT\n';
    clock.advance(resyncMs - 1);
    await settle();
    expect(calls).toHaveLength(2);
    clock.advance(1);
    await settle();
    expect(calls.slice(2)).toEqual(['iptables-save', 'iptables-restore --noflush']);
    expect(kernel.saved).toContain('-j A');
  });

  test('that is none costs a look', async () => {
    const { clock, calls, want } = setUp();
    want('-j A');
    clock.advance(batchMs);
    await settle();
    clock.advance(resyncMs);
    await settle();
    clock.advance(resyncMs);
    await settle();
    expect(calls.slice(2)).toEqual(['iptables-save', 'iptables-save']);
  });
});

describe('stopped', () => {
  test('it does nothing more, and says so to those who wait', async () => {
    const { clock, applier, calls, want } = setUp();
    want('-j A');
    const applied = applier.applied();
    await applier.stop();
    await expect(applied).rejects.toThrow('stopped');
    await expect(applier.applied()).rejects.toThrow('no longer kept');
    want('-j B');
    clock.advance(resyncMs);
    await settle();
    expect(calls).toEqual([]);
  });

  test('it takes back what is there', async () => {
    const { clock, applier, kernel, want } = setUp();
    want('-j A');
    clock.advance(batchMs);
    await settle();
    await applier.stop();
    await applier.cleanUp();
    expect(kernel.saved).toBe('*filter\n:OURS - [0:0]\n-X OURS\nCOMMIT\n');
  });
});

import { expect, test } from '@jest/globals';
import type { CommandResult } from '../command.js';
import { nftablesKernel, removeServiceTable, whatNftablesLacks } from './kernel.js';

const ok = (stdout = ''): CommandResult => ({ code: 0, stdout, stderr: '' });
const failed = (code: number, stderr: string): CommandResult => ({ code, stdout: '', stderr });

/** A machine whose `nft` answers so, and what it was asked. */
function machine(answer: (words: string) => CommandResult): {
  readonly run: (
    program: string,
    args: readonly string[],
    options?: { readonly stdin?: string },
  ) => Promise<CommandResult>;
  readonly asked: string[];
} {
  const asked: string[] = [];
  return {
    asked,
    run: (program, args, options) => {
      const words = [program, ...args].join(' ');
      asked.push(options?.stdin === undefined ? words : `${words} < ${options.stdin}`);
      return Promise.resolve(answer(words));
    },
  };
}

test('names are read only where they are needed, and a refusal says what nft said', async () => {
  let needed = false;
  const { run, asked } = machine((words) =>
    words.includes('-f') ? failed(1, 'Error: Could not process rule') : ok('{"nftables": []}\n'),
  );
  const kernel = nftablesKernel(run, () => needed);
  expect(await kernel.read()).toBe('');
  expect(asked).toEqual([]);
  needed = true;
  expect(await kernel.read()).toBe('{"nftables": []}\n{"nftables": []}\n{"nftables": []}');
  expect(asked).toEqual([
    'nft -j -t list chains ip',
    'nft -j -t list sets ip',
    'nft -j -t list maps ip',
  ]);
  await expect(kernel.write('add table ip x\n')).rejects.toThrow('Could not process rule');
});

test('what is missing is said plainly', async () => {
  const without = machine(() => failed(-1, 'spawn nft ENOENT'));
  expect(await whatNftablesLacks(without.run)).toContain('apt-get install nftables');
  const old = machine((words) =>
    words.includes('--version')
      ? ok('nftables v0.9.0 (Fearless Fosdick)\n')
      : failed(1, 'Error: syntax error, unexpected string\nmore'),
  );
  expect(await whatNftablesLacks(old.run)).toMatch(
    /^nftables v0\.9\.0 .* and Linux \S+ do not take its rules, .*: Error: syntax error/,
  );
  const good = machine(() => ok());
  expect(await whatNftablesLacks(good.run)).toBeUndefined();
  // It is tried, not kept, and in a table that is not the one in use.
  expect(good.asked[1]).toContain('nft -c -f - < add table ip kube-proxy-probe\n');
  expect(good.asked[1]).not.toContain(' kube-proxy ');
});

test('the table is taken away where it is ours, and nowhere without nft', async () => {
  const maps = (name: string): CommandResult =>
    ok(`${JSON.stringify({ nftables: [{ map: { table: 'kube-proxy', name } }] })}\n`);
  for (const answer of [failed(-1, 'spawn nft ENOENT'), maps('service-ips')]) {
    const other = machine(() => answer);
    await removeServiceTable(other.run);
    expect(other.asked).toEqual(['nft -j -t list maps ip']);
  }
  const good = machine(() => maps('tcp-endpoints'));
  await removeServiceTable(good.run);
  expect(good.asked[1]).toBe('nft -f - < add table ip kube-proxy\ndelete table ip kube-proxy\n');
});

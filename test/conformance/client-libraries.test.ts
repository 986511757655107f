/**
 * The official Python client and Ruby's kubeclient, as Debian has them, on a cluster whose pods run: each program
 * checks for itself (`testdata/client.py`, `client.rb`) and prints a line for what holds.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { kubectlMinor } from '../cluster/lib/kubectl-minor.js';
import { runProgram } from '../cluster/lib/run-program.js';
import { SmallCluster } from '../cluster/lib/small-cluster.js';

const testdata = join(process.cwd(), 'test/conformance/testdata');
const basePort = 27_800;

/** The distribution's interpreters: others do not know the distribution's libraries. */
const libraries = [
  { program: '/usr/bin/python3', probe: ['-c', 'import kubernetes'], file: 'client.py' },
  { program: '/usr/bin/ruby', probe: ['-e', "require 'kubeclient'"], file: 'client.rb' },
].filter(({ program, probe }) => spawnSync(program, probe).status === 0);
const suite = libraries.length > 0 && kubectlMinor() > 0 ? describe : describe.skip;

/** The names of a program's checks, from the list at its end. */
function checksOf(file: string): string[] {
  const text = readFileSync(join(testdata, file), 'utf8');
  const list = /^(?:for check in |%i)\[([^\]]*)\]/m.exec(text)?.[1] ?? '';
  return list
    .split(/[\s,]+/)
    .filter((name) => name !== '')
    .map((name) => name.replaceAll('_', ' '));
}

suite('client libraries', () => {
  let cluster: SmallCluster;

  beforeAll(async () => {
    cluster = await SmallCluster.start(basePort);
  }, 90_000);

  afterAll(async () => {
    await cluster.stop();
  }, 60_000);

  test.each(libraries)(
    '$file',
    async ({ program, file }) => {
      const args = [join(testdata, file), cluster.kubeconfig];
      const { code, out, err } = await runProgram(program, args, { timeoutMs: 240_000 });
      expect({ code, held: out.trimEnd().split('\n'), err: code === 0 ? '' : err }).toEqual({
        code: 0,
        held: checksOf(file),
        err: '',
      });
    },
    300_000,
  );
});

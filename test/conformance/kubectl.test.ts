/** Unchanged kubectl against the API server: transcripts of what it prints, word for word. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { ApiserverHarness } from '../cluster/apiserver-harness.js';
import { canRun, startHarness } from '../cluster/apiserver-harness.js';
import type { Ran } from '../cluster/lib/run-program.js';
import { runProgram } from '../cluster/lib/run-program.js';
import type { Block } from './transcript.js';
import { printed, readTranscript, words, writeTranscript } from './transcript.js';

/** The transcripts were recorded with kubectl 1.33; before 1.31 its own messages differ. */
const oldestMinor = 31;
const testdata = join(process.cwd(), 'test/conformance/testdata');
const files = ['read', 'create', 'change', 'refuse', 'delete', 'access'];

function clientMinor(): number {
  const run = spawnSync('kubectl', ['version', '--client', '-o', 'json'], { encoding: 'utf8' });
  if (run.status !== 0) return 0;
  const { clientVersion } = JSON.parse(run.stdout) as { clientVersion: { minor: string } };
  return Number.parseInt(clientVersion.minor, 10);
}

const suite = canRun && clientMinor() >= oldestMinor ? describe : describe.skip;

/** Runs kubectl without holding up the others. */
function run(kubeconfig: string, args: readonly string[], input: string): Promise<Ran> {
  return runProgram('kubectl', args, { env: { KUBECONFIG: kubeconfig }, input });
}

/** Runs a transcript's commands one after the other in a namespace of its own. */
async function replay(kubeconfig: string, file: string): Promise<Block[]> {
  const home = ['-n', file];
  await run(kubeconfig, ['create', 'namespace', file], '');
  await run(kubeconfig, ['create', 'serviceaccount', 'default', ...home], '');
  const answered: Block[] = [];
  for (const block of readTranscript(join(testdata, `${file}.txt`))) {
    const args = [...home, ...words(block.command)];
    const ran = await run(kubeconfig, args, block.input.join('\n'));
    answered.push({ ...block, expected: printed(ran) });
  }
  return answered;
}

suite('kubectl', () => {
  let server: ApiserverHarness;
  const answers = new Map<string, Block[]>();

  beforeAll(async () => {
    server = await startHarness();
    const one = async (file: string): Promise<void> => {
      answers.set(file, await replay(server.kubeconfig, file));
    };
    await Promise.all(files.map(one));
  }, 120_000);

  afterAll(async () => {
    await server.stop();
  }, 30_000);

  test.each(files)('%s', (file) => {
    const path = join(testdata, `${file}.txt`);
    const answered = answers.get(file) ?? [];
    const said = ({ command, expected }: Block): string => `$ ${command}\n${expected}`;
    if (process.env['UPDATE'] === '1') writeTranscript(path, answered);
    expect(answered.map(said)).toEqual(readTranscript(path).map(said));
  });
});

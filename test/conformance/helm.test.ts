/** Helm 4 on a cluster whose pods run: a release's whole life, with CRDs, hooks, tests, server-side apply and waits. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from '../cluster/lib/run-program.js';
import { SmallCluster } from '../cluster/lib/small-cluster.js';

const chart = join(process.cwd(), 'test/conformance/testdata/boat');
const basePort = 27_820;
const version = spawnSync('helm', ['version', '--template', '{{.Version}}'], { encoding: 'utf8' });
const suite = version.status === 0 && version.stdout.startsWith('v4.') ? describe : describe.skip;

interface Revision {
  readonly revision: number;
  readonly status: string;
  readonly description: string;
}

suite('helm', () => {
  let cluster: SmallCluster;
  const home = mkdtempSync(join(tmpdir(), 'trireme-helm-'));

  beforeAll(async () => {
    cluster = await SmallCluster.start(basePort);
  }, 90_000);

  afterAll(async () => {
    await cluster.stop();
    rmSync(home, { recursive: true, force: true });
  }, 60_000);

  async function run(program: string, command: string, code = 0): Promise<string> {
    const env = {
      KUBECONFIG: cluster.kubeconfig,
      HELM_CACHE_HOME: home,
      HELM_CONFIG_HOME: home,
      HELM_DATA_HOME: home,
    };
    const args = [...command.split(' '), '-n', 'fleet'];
    const ran = await runProgram(program, args, { env, timeoutMs: 120_000 });
    expect({ command, code: ran.code, err: code === 0 ? ran.err : '' }).toEqual({
      command,
      code,
      err: code === 0 ? expect.not.stringContaining('Error') : '',
    });
    return code === 0 ? ran.out : ran.err;
  }
  const helm = (command: string, code?: number): Promise<string> => run('helm', command, code);
  const kubectl = (command: string): Promise<string> => run('kubectl', command);
  const data = 'get configmap boat -o jsonpath={.data}';

  async function history(): Promise<string[]> {
    const revisions = JSON.parse(await helm('history boat -o json')) as Revision[];
    return revisions.map(({ revision, status, description }) =>
      [revision, status, description.split(':')[0]].join(' '),
    );
  }

  test('installs: definitions before their objects, hooks before all, and waits', async () => {
    const out = await helm(`install boat ${chart} --create-namespace --wait --timeout 60s`);
    expect(out).toContain('STATUS: deployed');
    expect(JSON.parse(await kubectl(data))).toEqual({
      colour: 'blue',
      has: 'true',
      kube: '33',
      seen: 'default',
    });
    expect(await kubectl('get oar boat -o jsonpath={.spec.length}')).toBe('3');
    expect(await kubectl('get job boat-before -o jsonpath={.status.succeeded}')).toBe('1');
    const available = 'get deployment boat -o jsonpath={.status.availableReplicas}';
    expect(await kubectl(available)).toBe('1');
    const owner = 'get deployment boat -o jsonpath={.metadata.managedFields[0].manager}';
    expect(await kubectl(owner)).toBe('helm');
  }, 120_000);

  test('runs the tests of a release, and shows their logs', async () => {
    const out = await helm('test boat --logs');
    expect(out).toMatch(/^Phase: +Succeeded$/m);
    expect(out).toMatch(/^POD LOGS: boat-test\ntested$/m);
  }, 60_000);

  test('upgrades, and a change of the configuration rolls the pods', async () => {
    await helm(`upgrade boat ${chart} --set colour=red,replicas=2 --wait --timeout 60s`);
    expect(await history()).toEqual([
      '1 superseded Install complete',
      '2 deployed Upgrade complete',
    ]);
    const replicas = 'get deployment boat -o jsonpath={.status.updatedReplicas}';
    expect(await kubectl(replicas)).toBe('2');
  }, 90_000);

  test('goes back by itself when an upgrade fails', async () => {
    const failing = `upgrade boat ${chart} --set fail=true --wait --timeout 20s`;
    const said = await helm(`${failing} --rollback-on-failure`, 1);
    expect(said).toContain('has been rolled back');
    expect((await history()).slice(2)).toEqual([
      expect.stringMatching(/^3 failed/),
      '4 deployed Rollback to 2',
    ]);
    expect(JSON.parse(await kubectl(data))).toMatchObject({ colour: 'red' });
  }, 90_000);

  test('goes back to a revision, and from server-side apply to three-way patches', async () => {
    await helm('rollback boat 1 --wait --timeout 60s');
    expect(JSON.parse(await kubectl(data))).toMatchObject({ colour: 'blue' });
    const byClient = `upgrade boat ${chart} --server-side=false --set colour=green --wait`;
    await helm(`${byClient} --timeout 60s`);
    expect(JSON.parse(await kubectl(data))).toMatchObject({ colour: 'green' });
  }, 120_000);

  test('uninstalls: what the release made is gone, definitions stay', async () => {
    await helm('uninstall boat --wait --timeout 60s');
    expect(await kubectl('get deployment,service,secret,oar,ingress,hpa,pdb -o name')).toBe('');
    const definition = 'get crd oars.helm.example.com -o name';
    expect(await kubectl(definition)).toContain('oars.helm.example.com');
    expect(await helm('list -q')).toBe('');
  }, 90_000);
});

/**
 * `trireme why` on a cluster in which several things are broken, and its time machine: `history`, `get --at`,
 * `diff --since` and `rewind` from the revisions of its store.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { delay, systemClock } from '../../src/lib/clock.js';
import { SmallCluster } from './lib/small-cluster.js';

const manifests = join(process.cwd(), 'test/cluster/testdata/why.yaml');
const clock = systemClock();
const patienceMs = 40_000;
const hasKubectl = spawnSync('kubectl', ['version', '--client']).status === 0;
const suite = hasKubectl ? describe : describe.skip;

suite('a cluster', () => {
  let cluster: SmallCluster;

  const run = (...args: string[]): { code: number; out: string; err: string } => {
    const env = { ...process.env, KUBECONFIG: cluster.kubeconfig, NODE_OPTIONS: '' };
    const ran = spawnSync(process.execPath, ['bin/trireme', ...args], {
      env,
      encoding: 'utf8',
      timeout: 60_000,
    });
    return { code: ran.status ?? 1, out: ran.stdout, err: ran.stderr };
  };
  const trireme = (...args: string[]): string => {
    const { code, out, err } = run(...args);
    if (code !== 0) throw new Error(`trireme ${args.join(' ')} ended with ${code}:\n${out}${err}`);
    return out;
  };
  /** Asks again until the answer is so: what it is about takes its time. */
  const eventually = async (args: string[], says: RegExp): Promise<void> => {
    const endMs = clock.monotonicMs() + patienceMs;
    let out = trireme(...args);
    while (!says.test(out) && clock.monotonicMs() < endMs) {
      await delay(clock, 300);
      out = trireme(...args);
    }
    expect(out).toMatch(says);
  };

  beforeAll(async () => {
    cluster = await SmallCluster.start(27_740);
    trireme('wait', 'sa/default', '--for=create', '--timeout=30s');
    trireme('apply', '-f', manifests);
    trireme('delete', 'pod', 'held', '--wait=false');
    // A quota holds once it has been counted; a pod that came before stays, here as in Kubernetes.
    trireme('wait', 'quota/few', '--for=jsonpath={.status.hard}', '--timeout=30s');
    trireme('delete', 'pods', '-l', 'app=many', '--wait=false');
  }, 120_000);

  afterAll(() => cluster?.stop(), 60_000);

  const answers: [string, RegExp][] = [
    [
      'pod/huge',
      /the only node cannot take it.*\n *node\/worker-1: lacks \S+ of cpu: asked for 1000, \S+ left of/,
    ],
    [
      'pod/astray',
      /node\/worker-1: does not match the pod's node selector disk=ssd: it has no label disk/,
    ],
    [
      'deployment/crashing',
      /pod\/crashing-.*\n.*container app: ends again and again.*\n.*last run: it ended with exit code 3/,
    ],
    [
      'pod/unset',
      /configmap\/settings: does not exist, and variable MODE of container app needs it/,
    ],
    [
      'service/deaf',
      /no ready endpoints.*\n.*pod\/deaf: is not ready.*\n.*container app.*\n.*readiness probe: \(run false every 1 s, within 1 s\) fails/,
    ],
    ['service/nowhere', /selector app=def matches no pod .*\n.*nearest is pod\//],
    ['pvc/fast', /asks for the storage class fast, which does not exist/],
    ['pod/held', /the finalizer example\.com\/backup holds it/],
    [
      'rs/many',
      /resourcequota\/few: leaves no room for it.*\n.*requests\.example\.com\/gpu: 2 asked for, 1 left of 1 \(0 used\)/,
    ],
    ['node/worker-1', /is ready and takes pods/],
  ];
  test.each(answers)('why %s', (target, says) => eventually(['why', target], says), 60_000);

  test('what mends it can be copied', async () => {
    expect(trireme('why', 'pod/unset')).toContain(
      'trireme create configmap settings --from-literal=mode=VALUE',
    );
    trireme('create', 'configmap', 'settings', '--from-literal=mode=fast');
    await eventually(['why', 'pod/unset'], /^pod\/unset: is ready, and its container runs$/m);
  }, 90_000);

  test('who may not read nodes is told so', () => {
    trireme('create', 'serviceaccount', 'robot');
    trireme(
      'create',
      'rolebinding',
      'robot',
      '--clusterrole=view',
      '--serviceaccount=default:robot',
    );
    const out = trireme('why', 'pod/huge', '--as=system:serviceaccount:default:robot');
    expect(out).toMatch(/you may not read .*nodes/);
  });

  describe('time machine', () => {
    const revisionOf = (target: string): string =>
      trireme('get', target, '-o', 'jsonpath={.metadata.resourceVersion}');
    /** When the ConfigMap began, and when the Secret had as well. */
    let [created, first] = ['', ''];

    beforeAll(() => {
      trireme('create', 'configmap', 'shop', '--from-literal=colour=blue');
      trireme('create', 'secret', 'generic', 'login', '--from-literal=password=first-value');
      created = revisionOf('configmap/shop');
      first = revisionOf('secret/login');
      trireme('patch', 'configmap/shop', '--type=merge', '-p', '{"data":{"colour":"green"}}');
      trireme(
        'patch',
        'secret/login',
        '--type=merge',
        '-p',
        '{"stringData":{"password":"second-value"}}',
      );
      trireme('label', 'configmap/shop', 'tier=front');
    });

    test('the history says who changed which field', () => {
      const out = trireme('history', 'configmap/shop');
      expect(out).toMatch(/^REVISION +AGE +WHO +WHAT\n\d+ +\S+ +\S+ +metadata\.labels: set to/);
      expect(out).toMatch(/^\d+ +\S+ +trireme\S* +data\.colour: blue -> green$/m);
      expect(out).toMatch(new RegExp(`^${created} .* created$`, 'm'));
      const [newest] = JSON.parse(trireme('history', 'configmap/shop', '-o', 'json')) as [
        { changes: { path: string }[] },
      ];
      expect(newest.changes).toEqual([{ path: 'metadata.labels', to: { tier: 'front' } }]);
    });

    test('an object as it was, by revision, alone and in a list', () => {
      const colour = ['-o', 'jsonpath={.data.colour}'];
      expect(trireme('get', 'configmap/shop', '--at', first, ...colour)).toBe('blue');
      expect(trireme('get', 'configmaps', '--at', first)).toMatch(/^shop +1 /m);
      const before = String(Number(created) - 1);
      expect(run('get', 'configmap/shop', '--at', before)).toMatchObject({
        code: 1,
        err: 'Error from server (NotFound): configmaps "shop" not found\n',
      });
    });

    test('a time has a revision', async () => {
      const now = JSON.parse(trireme('get', '--raw', '/trireme/revisions')) as {
        revision: string;
        time: string;
        oldest: { revision: string };
      };
      expect(Number(now.revision)).toBeGreaterThan(Number(first));
      expect(Number(now.oldest.revision)).toBeLessThan(Number(first));
      // Two renewals of a lease later, the moment at which it was asked lies in the past.
      const marks = JSON.stringify(now.time);
      await eventually(['get', '--raw', '/trireme/revisions'], new RegExp(`"time":(?!${marks})`));
      expect(trireme('get', 'configmap/shop', '--at', now.time, '-o', 'name')).toBe(
        'configmap/shop\n',
      );
      expect(run('get', 'pods', '--at', '2000h')).toMatchObject({
        code: 1,
        err: expect.stringMatching(/the history does not go back to/),
      });
    });

    test('a difference shows what was made, changed and removed, and no secret', () => {
      trireme('delete', 'service', 'nowhere');
      const { code, out } = run('diff', '--since', first);
      expect(code).toBe(1);
      expect(out).toMatch(/^-  colour: blue\n\+  colour: green$/m);
      expect(out).toMatch(/v1\.Service\.default\.nowhere/);
      expect(out).toMatch(/password: '\*\*\* \(before\)'/);
      expect(out).not.toMatch(/first-value|second-value|Zmlyc3Qt|c2Vjb25k/);
      const one = run('diff', '--since', first, 'configmap/shop');
      expect(one.out).not.toContain('nowhere');
    });

    test('rewinding shows what changes, asks, and does it', () => {
      const dry = trireme('rewind', 'configmap/shop', '--to', first, '--dry-run');
      expect(dry).toMatch(/data\.colour: green -> blue/);
      const asked = run('rewind', 'configmap/shop', '--to', first);
      expect(asked).toMatchObject({
        code: 1,
        err: expect.stringContaining('Nothing was changed.'),
      });
      trireme('rewind', 'configmap/shop', '--to', first, '--yes');
      expect(trireme('get', 'configmap/shop', '-o', 'jsonpath={.data.colour}')).toBe('blue');
      expect(trireme('rewind', 'configmap/shop', '--to', first)).toContain('is as it was at');
    });

    test('what is deleted comes back', () => {
      const out = trireme('rewind', 'service/nowhere', '--to', first, '--yes');
      expect(out).toContain('it is gone, and is made anew');
      expect(trireme('get', 'service/nowhere', '-o', 'name')).toBe('service/nowhere\n');
      const past = trireme('history', 'secret/login');
      expect(past).toMatch(/data\.password: \*\*\* -> \*\*\*/);
    });
  });
});

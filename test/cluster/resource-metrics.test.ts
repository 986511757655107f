/**
 * metrics.k8s.io with pods that really run: kubectl's `top`, tables and selectors, and an autoscaler that follows what
 * the pods use. No add-on is installed.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { delay, systemClock } from '../../src/lib/clock.js';
import { SmallCluster } from './lib/small-cluster.js';

const basePort = 27_720;
const clock = systemClock();
const untilMsMax = 90_000;
const hasKubectl = spawnSync('which', ['kubectl']).status === 0;

/** A Deployment whose pod never rests, and asks for a tenth of what it takes. */
const busy = {
  kind: 'Deployment',
  apiVersion: 'apps/v1',
  metadata: { name: 'busy' },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: 'busy' } },
    template: {
      metadata: { labels: { app: 'busy' } },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: 'loop',
            image: 'host',
            command: ['/bin/sh', '-c', 'while :; do :; done'],
            resources: { requests: { cpu: '10m' } },
          },
        ],
      },
    },
  },
};
const scaler = {
  kind: 'HorizontalPodAutoscaler',
  apiVersion: 'autoscaling/v2',
  metadata: { name: 'busy' },
  spec: {
    scaleTargetRef: { kind: 'Deployment', apiVersion: 'apps/v1', name: 'busy' },
    maxReplicas: 2,
    metrics: [
      {
        type: 'Resource',
        resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } },
      },
    ],
  },
};

interface Ran {
  readonly out: string;
  readonly err: string;
  readonly code: number | null;
}

(hasKubectl ? describe : describe.skip)('metrics.k8s.io', () => {
  let cluster: SmallCluster;

  function kubectl(args: string, input = ''): Ran {
    const env = { ...process.env, KUBECONFIG: cluster.kubeconfig, NODE_OPTIONS: '' };
    const run = spawnSync('kubectl', args.split(' '), { env, input, encoding: 'utf8' });
    return { out: run.stdout, err: run.stderr, code: run.status };
  }

  async function until(args: string, wanted: RegExp): Promise<string> {
    const endMs = clock.monotonicMs() + untilMsMax;
    for (;;) {
      const { out, err } = kubectl(args);
      if (wanted.test(out)) return out;
      if (clock.monotonicMs() > endMs) throw new Error(`kubectl ${args}: ${out}${err}`);
      await delay(clock, 500);
    }
  }

  beforeAll(async () => {
    cluster = await SmallCluster.start(basePort);
    for (const object of [busy, scaler]) kubectl('create -f -', JSON.stringify(object));
    await until('get pods -l app=busy', /Running/);
  }, 120_000);

  afterAll(() => cluster?.stop(), 60_000);

  test('kubectl top node', async () => {
    const out = await until('top node', /worker-1/);
    expect(out).toMatch(/^NAME +CPU\(cores\) +CPU\(%\) +MEMORY\(bytes\) +MEMORY\(%\) *\n/);
    expect(out).toMatch(/^worker-1 +\d+m +\d+% +\d+Mi +\d+% *$/m);
    expect(kubectl('top node nobody').err).toBe(
      'Error from server (NotFound): nodes "nobody" not found\n',
    );
  });

  test('pods of all namespaces', async () => {
    expect(await until('top pod -A --no-headers', /busy/)).toMatch(/^default +busy-\S+ +\d+m /m);
  });

  test('kubectl top pod, by label and by container', async () => {
    const out = await until('top pod -l app=busy --containers', /loop/);
    expect(out).toMatch(
      /^POD +NAME +CPU\(cores\) +MEMORY\(bytes\) *\nbusy-\S+ +loop +[1-9]\d+m +\d+Mi/,
    );
    expect(kubectl('top pod -l app=other').err).toBe('No resources found in default namespace.\n');
  });

  test('the kinds are in discovery, and print as tables', async () => {
    const { out } = kubectl('api-resources --api-group=metrics.k8s.io --no-headers');
    expect(out.replaceAll(/ +/g, ' ').trim().split('\n')).toEqual([
      'nodes metrics.k8s.io/v1beta1 false NodeMetrics',
      'pods metrics.k8s.io/v1beta1 true PodMetrics',
    ]);
    const table = await until('get pods.metrics.k8s.io', /busy/);
    expect(table).toMatch(/^NAME +CPU +MEMORY +WINDOW\nbusy-\S+ +\d+n? +\d+Ki +[\d.]+m?s$/m);
  });

  test('an autoscaler follows them', async () => {
    const current = 'jsonpath={.status.desiredReplicas}';
    expect(await until(`get hpa busy -o ${current}`, /^2$/)).toBe('2');
  });
});

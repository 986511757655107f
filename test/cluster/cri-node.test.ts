/**
 * A worker with `--runtime cri` in a cluster of its own network namespace: pods behind a Service, with a probe, exec,
 * logs, port-forward, and an agent that is killed. Needs root, containerd, runc, CNI plugins, iptables, kubectl.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync, spawnSync } from 'node:child_process';
import { delay, systemClock } from '../../src/lib/clock.js';
import { canRunCri, CriContainerd } from './lib/cri-containerd.js';
import { SmallCluster } from './lib/small-cluster.js';

const namespace = 'tcrinode';
const address = '10.231.9.1';
const inside = ['nsenter', `--net=/run/netns/${namespace}`];
const patienceMs = 20_000;
const able =
  canRunCri &&
  ['kubectl', 'iptables-restore', 'nsenter'].every(
    (program) => spawnSync('which', [program]).status === 0,
  );

const pods = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: web
        image: busybox
        imagePullPolicy: IfNotPresent
        command: [sh, -c, 'echo serving on $HOSTNAME; hostname > /tmp/index.html; httpd -f -p 8080 -h /tmp']
        readinessProbe: {httpGet: {path: /index.html, port: 8080}, periodSeconds: 1}
        livenessProbe: {exec: {command: [test, -e, /tmp/index.html]}, periodSeconds: 2}
        resources: {limits: {memory: 64Mi, cpu: 200m}}
        volumeMounts: [{name: words, mountPath: /words}]
      volumes: [{name: words, configMap: {name: words}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: words}
data: {greeting: hello}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: Pod
metadata: {name: job}
spec:
  restartPolicy: Never
  containers: [{name: main, image: busybox, imagePullPolicy: IfNotPresent, command: [sh, -c, 'echo done; exit 3']}]
`;

(able ? describe : describe.skip)('a node over CRI', () => {
  const clock = systemClock();
  let containerd: CriContainerd;
  let cluster: SmallCluster;

  const ip = (...args: readonly string[]): void => {
    execFileSync('ip', [...args]);
  };
  const kubectl = (...args: readonly string[]): string => cluster.kubectl(args).out.trim();
  const eventually = async (what: string, holds: () => boolean): Promise<void> => {
    const endMs = clock.monotonicMs() + patienceMs;
    while (!holds()) {
      if (clock.monotonicMs() > endMs) {
        const log = cluster.kubectl(['describe', 'pods']).out;
        throw new Error(`${what}: not within ${patienceMs} ms\n${log}\n${cluster.log('worker')}`);
      }
      await delay(clock, 100);
    }
  };
  const ids = (): string =>
    kubectl(
      'get',
      'pods',
      '-l',
      'app=web',
      '-o',
      'jsonpath={.items[*].status.containerStatuses[0].containerID}',
    );
  const ready = (): string =>
    kubectl('get', 'deployment', 'web', '-o', 'jsonpath={.status.readyReplicas}');

  beforeAll(async () => {
    ip('netns', 'add', namespace);
    const own = ['-n', namespace];
    ip(...own, 'link', 'set', 'lo', 'up');
    ip(...own, 'link', 'add', 'uplink', 'type', 'bridge');
    ip(...own, 'addr', 'add', `${address}/24`, 'dev', 'uplink');
    ip(...own, 'link', 'set', 'uplink', 'up');
    ip(...own, 'route', 'add', 'default', 'via', '10.231.9.254');
    containerd = await CriContainerd.start(undefined, inside);
    cluster = await SmallCluster.start(24_700, {
      inside,
      address,
      workerFlags: [
        '--runtime=cri',
        `--cri-endpoint=${containerd.endpoint}`,
        `--cni-conf-dir=${containerd.cniDir}`,
      ],
    });
    const applied = cluster.kubectl(['apply', '-f', '-'], pods);
    expect(applied).toMatchObject({ code: 0 });
    await eventually('two web pods are ready', () => ready() === '2');
  }, 90_000);

  afterAll(async () => {
    await cluster?.stop();
    await containerd?.stop();
    ip('netns', 'delete', namespace);
  });

  test('the node says its runtime, containers have the names that its tools know', () => {
    const version = '{.items[0].status.nodeInfo.containerRuntimeVersion}';
    expect(kubectl('get', 'nodes', '-o', `jsonpath=${version}`)).toMatch(/^containerd:\/\/\d/);
    const listed = containerd.ctr('containers', 'list', '-q');
    for (const id of ids().split(' ')) expect(listed).toContain(id.replace('containerd://', ''));
  });

  test('pods have addresses of the node, and answer behind their Service', async () => {
    const range = kubectl('get', 'nodes', '-o', 'jsonpath={.items[0].spec.podCIDR}');
    const prefix = range.slice(0, range.lastIndexOf('.') + 1);
    const own = kubectl('get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[*].status.podIP}');
    expect(own.split(' ').every((each) => each.startsWith(prefix))).toBe(true);
    const service = kubectl('get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}');
    const name = ['exec', 'deployment/web', '--', 'nslookup', 'web.default.svc.cluster.local'];
    expect(cluster.kubectl(name).out).toContain(`Address: ${service}`);
    // The static busybox cannot ask by itself: its network namespace is entered.
    const [id = ''] = ids().split(' ');
    const pod = new RegExp(`^${id.replace('containerd://', '')} +(\\d+)`, 'm');
    const pid = pod.exec(containerd.ctr('tasks', 'list'))?.[1] ?? '';
    const script = `fetch('http://${service}/index.html').then((a) => a.text()).then(console.log)`;
    const names = new Set<string>();
    await eventually('both pods answer', () => {
      const asked = [`--net=/proc/${pid}/ns/net`, process.execPath, '-e', script];
      names.add(spawnSync('nsenter', asked, { encoding: 'utf8', timeout: 5000 }).stdout.trim());
      return [...names].filter((answer) => answer.startsWith('web-')).length === 2;
    });
    const link = ['exec', 'deployment/web', '--', 'ip', 'addr', 'show', 'eth0'];
    expect(cluster.kubectl(link).out).not.toContain('inet6');
  });

  test('exec carries input, output and the exit code; logs are there', async () => {
    const exec = cluster.kubectl(
      ['exec', '-i', 'deployment/web', '--', 'sh', '-c', 'cat; exit 7'],
      'in\n',
    );
    expect(exec).toMatchObject({ code: 7, out: 'in\n' });
    expect(kubectl('exec', 'deployment/web', '--', 'cat', '/words/greeting')).toBe('hello');
    expect(kubectl('logs', 'deployment/web')).toMatch(/^serving on web-/);
    const state = '{.status.phase} {.status.containerStatuses[0].state.terminated.exitCode}';
    await eventually(
      'the pod has failed',
      () => kubectl('get', 'pod', 'job', '-o', `jsonpath=${state}`) === 'Failed 3',
    );
    expect(kubectl('logs', 'job')).toBe('done');
  });

  test('an agent that was killed takes over what runs', async () => {
    const before = ids();
    await cluster.killWorker();
    await cluster.startWorker();
    await eventually('the pods are ready', () => ready() === '2');
    expect(ids()).toBe(before);
    const count = '{.items[*].status.containerStatuses[0].restartCount}';
    expect(kubectl('get', 'pods', '-l', 'app=web', '-o', `jsonpath=${count}`)).toBe('0 0');
    const works = ['exec', 'deployment/web', '--', 'true'];
    await eventually('the new agent executes', () => cluster.kubectl(works).code === 0);
  });

  test('nothing is left of pods that were deleted', async () => {
    cluster.kubectl(['delete', 'deployment', 'web', '--wait=false']);
    cluster.kubectl(['delete', 'pod', 'job', '--wait=false']);
    await eventually(
      'nothing is left',
      () => containerd.ctr('containers', 'list', '-q').trim() === '',
    );
    await eventually('no pod is left', () => kubectl('get', 'pods', '-o', 'name') === '');
  });
});

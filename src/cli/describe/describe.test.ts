/** Descriptions against kubectl's, of objects that have every field a description may show, and of bare ones. */
import { afterAll, describe, expect, test } from '@jest/globals';
import { FakeCluster } from '../testkit/fake-cluster.js';
import type { KubectlCase } from '../testkit/kubectl-answers.js';
import { KubectlAnswers } from '../testkit/kubectl-answers.js';
import { runLine } from '../testkit/transcript.js';

// Descriptions show times of the machine's zone.
process.env['TZ'] = 'UTC';
const folder = 'src/cli/describe/testdata';

/** `describe WORDS` against the objects of the files. */
function holdAgainstKubectl(file: string, cases: readonly KubectlCase[]): void {
  const answers = new KubectlAnswers(`${folder}/${file}.txt`, (nowMs) =>
    FakeCluster.load(`${folder}/${file}.yaml`, nowMs),
  );
  afterAll(() => answers.save());

  test.each(cases)('%s', async (name, words) => {
    const { ours, kubectl } = await answers.both([name, `describe ${words}`]);
    expect(ours).toBe(kubectl);
  });
}

describe('workloads', () => {
  holdAgainstKubectl('workloads', [
    ['a pod with all there is', 'pod full'],
    ['a pod without its events', 'pod full --show-events=false'],
    ['a pod with nothing', 'pod bare'],
    ['a pod that goes', 'pod going'],
    ['a pod that has ended, and goes', 'pod done'],
    ['pods whose names begin so', 'pods ba'],
    ['pods by their labels', 'pods -l job=once'],
    ['several pods by their names', 'pod/bare pod/going'],
    ['a pod that is not there', 'pod nobody'],
    ['one that is there, and one that is not', 'pod bare nobody'],
    ['a kind that is not there', 'gadget x'],
    ['no pods', 'pods -l no=body'],
    ['nothing at all', ''],
    ['a deployment', 'deployment web'],
    ['a deployment that recreates', 'deployment plain'],
    ['a replica set that is new', 'replicaset web-7c'],
    ['a replica set that is old', 'replicaset web-6b'],
    ['a replication controller', 'rc old'],
    ['a daemon set', 'daemonset agent'],
    ['a stateful set', 'statefulset db'],
    ['a job that has run', 'job once'],
    ['a job that waits', 'job waits'],
    ['a cron job', 'cronjob nightly'],
    ['a cron job with nothing', 'cronjob plain'],
    ['a node', 'node node-1'],
    ['a node with nothing', 'node node-2'],
    ['a lease, which has no description of its own', 'lease node-1 -n kube-node-lease'],
  ]);
});

// The fake says `leases "silent"`; the real server, as ours, names the group.
test('a node without a lease', async () => {
  const cluster = await FakeCluster.load(`${folder}/workloads.yaml`);
  expect(await runLine('trireme describe node silent', cluster)).toContain(
    '\nLease:              Failed to get lease: leases.coordination.k8s.io "silent" not found\n',
  );
});

describe('cluster', () => {
  holdAgainstKubectl('cluster', [
    ['a config map', 'configmap settings'],
    ['a config map with nothing', 'configmap empty'],
    ['a secret', 'secret login'],
    ['a secret with a token', 'secret robot-token'],
    ['a service account', 'serviceaccount robot'],
    ['a service account with nothing', 'serviceaccount plain'],
    ['a namespace with quotas and limits', 'namespace default'],
    ['a namespace that goes', 'namespace going'],
    ['a quota', 'quota small'],
    ['a quota that nobody has counted yet', 'quota new'],
    ['a limit range', 'limitrange bounds'],
    ['a service with all there is', 'service web'],
    ['a service that is another name', 'service elsewhere'],
    ['a service without an address', 'service headless'],
    ['endpoints', 'endpoints web'],
    ['endpoints of nothing', 'endpoints none'],
    ['an endpoint slice', 'endpointslice web-1'],
    ['an endpoint slice of nothing', 'endpointslice none'],
    ['an ingress', 'ingress site'],
    ['an ingress for all the rest', 'ingress rest'],
    ['an ingress class', 'ingressclass nginx'],
    ['a network policy', 'networkpolicy walls'],
    ['a network policy that lets nothing in', 'networkpolicy nothing'],
    ['a network policy that lets nothing out', 'networkpolicy outward'],
    ['a disruption budget', 'pdb web'],
    ['a disruption budget that nobody has counted yet', 'pdb share'],
    ['an autoscaler', 'hpa web'],
    ['an autoscaler with nothing', 'hpa plain'],
    ['a role', 'role reader'],
    ['a role of paths', 'clusterrole prober'],
    ['a role of nothing', 'clusterrole nothing'],
    ['a binding', 'rolebinding readers'],
    ['a binding of nobody', 'clusterrolebinding nobody'],
    ['a claim that is bound', 'pvc data'],
    ['a claim that waits', 'pvc waits'],
    ['a claim that goes', 'pvc going'],
    ['a volume on a node', 'pv vol'],
    ['a volume of a driver', 'pv csi'],
    ['a volume that goes', 'pv path'],
    ['a storage class', 'storageclass fast'],
    ['a storage class with nothing', 'storageclass plain'],
    ['drivers of a node', 'csinode node-1'],
    ['a priority class', 'priorityclass high'],
    ['a runtime class, field by field', 'runtimeclass gvisor'],
    ['an API service, field by field', 'apiservice v1.example.com'],
    ['a driver, field by field', 'csidriver d.example'],
  ]);
});

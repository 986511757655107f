/**
 * `node dist/test/chaos/full-disk-main.js`: a pod fills its node's disk. By hand, as root. It is evicted; one that is
 * critical stays, the agent comes back on the full disk, and the pod can be deleted.
 */
import type { Node, Pod } from '../../src/api/types/core.js';
import { Machines, until } from './machine.js';

const waitMs = 120_000;
const machine = new Machines('nodefs.available<10%,imagefs.available<10%');
const say = (line: string): void => console.error(line);

function get<T>(kind: string, name: string): T | undefined {
  const { code, out } = machine.kubectl(['get', kind, name, '-o', 'json']);
  return code === 0 ? (JSON.parse(out) as T) : undefined;
}

function run(name: string, command: string, spec: object = {}): void {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: 'main',
          image: 'busybox:latest',
          imagePullPolicy: 'IfNotPresent',
          command: ['sh', '-c', command],
          volumeMounts: [{ name: 'data', mountPath: '/data' }],
        },
      ],
      volumes: [{ name: 'data', emptyDir: {} }],
      ...spec,
    },
  };
  const { code, err } = machine.kubectl(['apply', '-f', '-'], JSON.stringify(pod));
  if (code !== 0) throw new Error(err);
}

const pod = (name: string): Pod | undefined => get<Pod>('pod', name);
const phase = (name: string): string | undefined => pod(name)?.status?.phase;
const fills = 'cat /dev/zero >/data/filled; exec sleep 100000';

/** What the node says of itself, and what keeps pods away. */
function isUnderPressure(): boolean {
  const node = get<Node>('node', 'worker-1');
  const condition = node?.status?.conditions?.find(({ type }) => type === 'DiskPressure');
  const taint = node?.spec?.taints?.some(({ key }) => key === 'node.kubernetes.io/disk-pressure');
  return condition?.status === 'True' && taint === true;
}

function isFree(): boolean {
  return (
    machine.kubectl(['get', 'node', 'worker-1', '-o', 'json']).code === 0 && !isUnderPressure()
  );
}

async function evicted(): Promise<void> {
  run('quiet', 'exec sleep 100000');
  await until('quiet runs', () => phase('quiet') === 'Running', waitMs);
  run('filler', fills);
  await until('the node is under pressure', isUnderPressure, waitMs);
  say('DiskPressure, and its taint');
  await until('the pod is evicted', () => phase('filler') === 'Failed', waitMs);
  const { reason, message = '' } = pod('filler')?.status ?? {};
  say(`${reason}: ${message}`);
  const words =
    /^The node was low on resource: ephemeral-storage\. Threshold quantity: \d\S*, available: \d\S*\. Container main was using \d\S*, request is 0, has larger consumption of ephemeral-storage\. $/;
  if (reason !== 'Evicted' || !words.test(message)) throw new Error('these are not its words');
  await until('the pressure is over', isFree, waitMs);
  if (phase('quiet') !== 'Running') throw new Error(`the other pod is ${phase('quiet')}`);
  say('the other pod stays');
}

async function deleted(): Promise<void> {
  run('critical', fills, { priorityClassName: 'system-node-critical' });
  await until('the node is under pressure', isUnderPressure, waitMs);
  await until(
    'the disk is full',
    () => machine.inWorker('df', machine.disk).includes('100%'),
    waitMs,
  );
  await machine.end('worker', 'SIGKILL');
  machine.launch('worker');
  const isAnswering = (): boolean => machine.kubectl(['exec', 'critical', '--', 'true']).code === 0;
  await until('the agent is back on a full disk', isAnswering, waitMs);
  say('the agent is back on a full disk');
  if (phase('critical') !== 'Running') throw new Error(`the critical pod is ${phase('critical')}`);
  machine.kubectl(['delete', 'pod', 'critical', '--wait=false']);
  await until('the pod is gone', () => pod('critical') === undefined, waitMs);
  await until('the pressure is over', isFree, waitMs);
  say('the pod is gone, and the pressure is over');
}

try {
  await machine.start();
  say(machine.inWorker('df', '-h', machine.disk));
  await evicted();
  await deleted();
} catch (error) {
  say(machine.log('worker'));
  throw error;
} finally {
  await machine.stop();
}

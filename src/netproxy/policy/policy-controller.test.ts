import type { KubeObject } from '../../api/object.js';
import { afterEach, expect, test } from '@jest/globals';
import type { ListOptions, ResourceId } from '../../client/index.js';
import { ApiError, createInformerFactory } from '../../client/index.js';
import { FakeApi } from '../../client/testkit/fake.js';
import { systemClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import type { RunCommand } from '../command.js';
import { resources } from '../../client/resources.js';
import { PolicyController } from './policy-controller.js';

/** An API in which one resource cannot be read. */
class PartialApi extends FakeApi {
  readonly #forbidden: string;

  constructor(forbidden: string) {
    super();
    this.#forbidden = forbidden;
  }

  override async *watch<T extends KubeObject>(resource: ResourceId, options: ListOptions) {
    if (resource.resource === this.#forbidden) throw new ApiError(403, 'Forbidden', 'no');
    yield* super.watch<T>(resource, options);
  }
}

const ends: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const closed = {
  metadata: { namespace: 'a', name: 'closed' },
  spec: { podSelector: { matchLabels: { app: 'x' } }, policyTypes: ['Egress'] },
};
const pod = { podUid: 'u', namespace: 'a', name: 'p', labels: { app: 'x' }, ips: ['10.0.0.9'] };

async function rigged(forbidden: string, saved = '') {
  const api = new PartialApi(forbidden);
  await api.create<KubeObject & { spec: object }>(resources.networkPolicies, closed);
  const clock = systemClock();
  const written: string[] = [];
  const run: RunCommand = async (program, _args, options) => {
    if (program === 'iptables-restore') written.push(options?.stdin ?? '');
    return { code: 0, stdout: program === 'iptables-save' ? saved : '', stderr: '' };
  };
  const informers = createInformerFactory({ client: api, clock, log: silentLogger });
  // A watch of somebody else's that never works.
  informers.informer(resources.secrets, { namespace: 'a', fieldSelector: 'metadata.name=tls' });
  const options = { informers, nodeName: 'n1', run, clock, log: silentLogger };
  const controller = new PolicyController(options);
  controller.start();
  ends.push(async () => {
    await controller.stop();
    informers.stop();
  });
  return { controller, written, informers };
}

test('policies are enforced though a Secret cannot be read, before the pod starts', async () => {
  const { controller, written } = await rigged('secrets');
  await controller.isolate(pod);
  const rules = written.join('\n');
  expect(rules).toMatch(/\*mangle[\s\S]*-s 10\.0\.0\.9\/32 -j KUBE-NPO-/);
  expect(rules).toMatch(/-[IA] FORWARD .*-j TRIREME-POLICY/);
  expect(rules).toMatch(/-[IA] INPUT .*-j TRIREME-POLICY/);
});

test('a pod that no policy selects waits for nothing', async () => {
  const { controller } = await rigged('pods');
  await controller.isolate({ ...pod, labels: { app: 'other' } });
});

test('while pods are not known, nothing is written: what an earlier process closed stays closed', async () => {
  const saved = '*mangle\n:TRIREME-POLICY - [0:0]\n:KUBE-NPO-AAAAAAAAAAAAAAAA - [0:0]\nCOMMIT\n';
  const { controller, written, informers } = await rigged('pods', saved);
  await informers.informer(resources.networkPolicies).whenSynced();
  await informers.informer(resources.namespaces).whenSynced();
  let started = false;
  const isolating = controller.isolate(pod).then(
    () => {
      started = true;
    },
    () => undefined,
  );
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(started).toBe(false);
  expect(written).toEqual([]);
  void isolating;
});

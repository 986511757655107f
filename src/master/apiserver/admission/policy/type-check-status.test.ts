import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { ValidatingAdmissionPolicy } from '../../../../api/admission/policy-schemas.js';
import type { Effort } from '../../../../api/cel/effort.js';
import type { KubeObject } from '../../../../api/object.js';
import type { Draft } from '../../testkit/api-bench.js';
import { ApiBench } from '../../testkit/api-bench.js';
import { TypeCheckStatus } from './type-check-status.js';

let bench: ApiBench;
let keeper: TypeCheckStatus;
let left: number;

beforeEach(async () => {
  bench = await ApiBench.create();
  left = 10_000;
  const turns = {
    inTurn: <T>(work: (effort: Effort) => T): Promise<T> =>
      Promise.resolve().then(() => work({ left })),
  };
  keeper = new TypeCheckStatus({ objects: bench.objects, kinds: bench.kinds, turns });
  keeper.start();
});
afterEach(() => keeper.stop());

const policy = (expression: string, more: object = {}): Draft =>
  ({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name: 'p', generation: 1 },
    spec: {
      matchConstraints: {
        resourceRules: [
          {
            apiGroups: ['apps'],
            apiVersions: ['v1'],
            operations: ['*'],
            resources: ['deployments'],
          },
        ],
      },
      validations: [{ expression }],
    },
    ...more,
  }) as Draft;

/** The status, once it is about that generation. */
async function statusOf(generation: number): Promise<ValidatingAdmissionPolicy['status']> {
  for (let turn = 0; turn < 1_000; turn++) {
    const { status } = await bench.present<ValidatingAdmissionPolicy>(policy(''));
    if (status?.observedGeneration === generation) return status;
  }
  throw new Error('the policy was never checked');
}

const warned = expect.objectContaining({
  expressionWarnings: [
    {
      fieldRef: 'spec.validations[0].expression',
      warning: expect.stringMatching(/^apps\/v1, Kind=Deployment: ERROR: .*undefined field 'nope'/),
    },
  ],
});

test('each generation of a policy is checked once, and its status kept beside', async () => {
  const conditions = [{ type: 'A', status: 'True' }];
  await bench.add(policy('object.nope == 1', { status: { conditions } }));
  expect(await statusOf(1)).toEqual({ observedGeneration: 1, typeChecking: warned, conditions });
  const { metadata } = await bench.present(policy(''));
  await bench.objects.change(bench.place(policy('')), (old) => {
    const { spec } = policy('object.spec.replicas == 1') as unknown as { spec: object };
    return { next: { ...old, spec, metadata: { ...old.metadata, generation: 2 } } as KubeObject };
  });
  expect(await statusOf(2)).toEqual({ observedGeneration: 2, typeChecking: {}, conditions });
  expect(metadata.uid).toBe((await bench.present(policy(''))).metadata.uid);
});

test('an expression that a turn has no room for is not checked', async () => {
  left = 10;
  await bench.add(policy('object.nope == 1'));
  expect(await statusOf(1)).toEqual({ observedGeneration: 1, typeChecking: {} });
});

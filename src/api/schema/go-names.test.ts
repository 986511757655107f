import { expect, test } from '@jest/globals';
import { deploymentKind } from '../apps/kinds.js';
import { podKind } from '../core/pod.js';
import type { KindDeclaration } from '../kind.js';
import { decodeValue } from './decode.js';

const container = (fields: object): object => ({ spec: { containers: [fields] } });

test.each<[string, KindDeclaration, unknown]>([
  ['PodSpec.spec.restartPolicy of type v1.RestartPolicy', podKind, { spec: { restartPolicy: 5 } }],
  [
    'Container.spec.containers.imagePullPolicy of type v1.PullPolicy',
    podKind,
    container({ imagePullPolicy: 7 }),
  ],
  [
    'Capabilities.spec.containers.securityContext.capabilities.add of type v1.Capability',
    podKind,
    container({ securityContext: { capabilities: { add: [5] } } }),
  ],
  [
    'DeploymentStrategy.spec.strategy.type of type v1.DeploymentStrategyType',
    deploymentKind,
    { spec: { strategy: { type: 1 } } },
  ],
  ['PodSpec.spec.nodeName of type string', podKind, { spec: { nodeName: 1 } }],
])('a number is no %s', (text, kind, value) => {
  expect(() => decodeValue(kind.schema, value)).toThrow(
    `json: cannot unmarshal number into Go struct field ${text}`,
  );
});

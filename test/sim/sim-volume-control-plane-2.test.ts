/** Many seeds of the control plane; the first and the second half run side by side. */
import { test } from '@jest/globals';
import { expectControlPlaneHalf, seedsEach } from './control-plane/many-seeds.js';
import { volumeMsMax } from './lib/run-seeds.js';

test(
  `${seedsEach} runs of the control plane, from seed ${seedsEach + 1}`,
  () => expectControlPlaneHalf(2),
  volumeMsMax,
);

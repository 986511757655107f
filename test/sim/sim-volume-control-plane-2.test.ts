/** Many seeds of the control plane; the first and the second half run side by side. */
import { test } from '@jest/globals';
import { expectControlPlaneHalf } from './control-plane/many-seeds.js';
import { volumeMsMax } from './lib/run-seeds.js';

test('500 runs of the control plane, from seed 501', () => expectControlPlaneHalf(2), volumeMsMax);

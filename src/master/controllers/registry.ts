import { createDeploymentController } from './deployment/controller.js';
import { createEndpointsController } from './endpoints/endpoints-controller.js';
import { createEndpointSliceController } from './endpoints/slices-controller.js';
import {
  createReplicaSetController,
  createReplicationControllerController,
} from './replicaset/controller.js';
import type { ControllerContext } from './runtime/context.js';
import type { Controller } from './runtime/controller.js';

/** Every controller by the name that `--controllers` takes. */
export const registry: Readonly<Record<string, (context: ControllerContext) => Controller[]>> = {
  deployment: (context) => [createDeploymentController(context)],
  replicaset: (context) => [createReplicaSetController(context)],
  replicationcontroller: (context) => [createReplicationControllerController(context)],
  endpoint: (context) => [createEndpointsController(context)],
  endpointslice: (context) => [createEndpointSliceController(context)],
};

/** Probes and lifecycle handlers of containers. */
import {
  doc,
  int64,
  intOrString,
  list,
  num32,
  req,
  str,
  strPtr,
  struct,
  tuned,
} from '../schema/dsl.js';
import { invalid } from '../field-error.js';
import { isJsonObject, textOf } from '../object.js';
import type { Check } from '../schema/node.js';
import {
  isNonNegative,
  isPort,
  isPortNumberOrName,
  isAboveZero,
  oneOf,
} from '../validation/checks.js';
import { isHandler } from '../validation/container-fields.js';
import { httpHeaderNameErrors } from '../validation/names.js';

const execAction = struct('core/v1.ExecAction', 'Runs a command in the container.', {
  command: list('Program and arguments; not run in a shell. Exit status 0 is success.', str('')),
});

const httpHeader = struct('core/v1.HTTPHeader', 'A header of a request.', {
  name: req(str('Name of the header.', { checksEmpty: true })),
  value: req(tuned(str('Value of the header.'), { pointer: true })),
});

/** Errors name the list, not the header. */
const areHeaders: Check = (value, path, errors) => {
  if (!Array.isArray(value)) return;
  for (const header of value) {
    const name = isJsonObject(header) ? textOf(header, 'name') : '';
    for (const text of httpHeaderNameErrors(name)) errors.push(invalid(path, name, text));
  }
};

const httpGetAction = struct('core/v1.HTTPGetAction', 'Makes an HTTP GET request.', {
  host: str("Host to connect to; the pod's address unless set."),
  httpHeaders: list('Headers of the request; repeated ones are allowed.', httpHeader, {
    checks: [areHeaders],
  }),
  path: str('Path of the request.', { default: '/' }),
  port: req(intOrString('Number or name of the port.', { checks: [isPortNumberOrName] })),
  scheme: str('HTTP or HTTPS.', { default: 'HTTP', checks: [oneOf(['HTTP', 'HTTPS'])] }),
});

const tcpSocketAction = struct('core/v1.TCPSocketAction', 'Opens a TCP connection.', {
  host: str("Host to connect to; the pod's address unless set."),
  port: req(intOrString('Number or name of the port.', { checks: [isPortNumberOrName] })),
});

const grpcAction = struct('core/v1.GRPCAction', 'Calls the gRPC health service.', {
  port: req(num32('Port of the service.', { checks: [isPort] })),
  service: strPtr('Service name to put into the request.', { default: '' }),
});

/** The handlers of probes: a probe has exactly one. */
export const probeHandlers = ['exec', 'grpc', 'httpGet', 'tcpSocket'] as const;

/** A probe of a container. */
export const probe = struct(
  'core/v1.Probe',
  'A check that is made periodically.',
  {
    exec: execAction,
    failureThreshold: num32('Failures in a row after which the probe has failed.', {
      default: 3,
      checks: [isNonNegative],
    }),
    grpc: grpcAction,
    httpGet: httpGetAction,
    initialDelaySeconds: num32('Seconds after the start before the first check.', {
      checks: [isNonNegative],
    }),
    periodSeconds: num32('Seconds between checks.', { default: 10, checks: [isNonNegative] }),
    successThreshold: num32('Successes in a row after which the probe has succeeded again.', {
      default: 1,
      checks: [isNonNegative],
    }),
    tcpSocket: tcpSocketAction,
    terminationGracePeriodSeconds: int64('Grace period when this probe ends the container.', {
      checks: [isAboveZero],
    }),
    timeoutSeconds: num32('Seconds after which a check times out.', {
      default: 1,
      checks: [isNonNegative],
    }),
  },
  { checks: [isHandler(probeHandlers)] },
);

const sleepAction = struct('core/v1.SleepAction', 'Waits for a time.', {
  seconds: req(int64('Seconds to wait.')),
});

const lifecycleHandler = struct(
  'core/v1.LifecycleHandler',
  'What to do at a lifecycle event.',
  {
    exec: execAction,
    httpGet: httpGetAction,
    sleep: sleepAction,
    tcpSocket: tcpSocketAction,
  },
  { checks: [isHandler(['exec', 'httpGet', 'sleep', 'tcpSocket'])] },
);

/** Hooks of a container. */
export const lifecycle = struct('core/v1.Lifecycle', "Hooks at a container's start and end.", {
  postStart: doc('Right after the start; a failure ends the container.', lifecycleHandler),
  preStop: doc('Before the container is asked to end.', lifecycleHandler),
  stopSignal: strPtr('Signal that asks the container to end; needs spec.os.name.'),
});

/** The policy for a container when one of its resources is resized. */
export const resizePolicy = struct(
  'core/v1.ContainerResizePolicy',
  'What happens to a container when a resource is resized.',
  {
    resourceName: req(str('cpu or memory.', { checksEmpty: true })),
    restartPolicy: req(str('NotRequired or RestartContainer.', { checksEmpty: true })),
  },
);

/** Resource claims of a container. */
export const resourceClaim = struct('core/v1.ResourceClaim', 'Names an entry of resourceClaims.', {
  name: req(str('Name in spec.resourceClaims.')),
  request: str('Name of one request in the claim; all when empty.'),
});

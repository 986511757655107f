/** Metrics of the autoscaler: what to aim for, and what was read. */
import { doc, int32, quantity, req, str, struct } from '../schema/dsl.js';
import { labelSelector } from '../schema/meta.js';

const d = 'autoscaling/v2.';

const identifier = struct(`${d}MetricIdentifier`, 'Names a metric.', {
  name: req(str('Name of the metric.')),
  selector: doc('Selects series of the metric.', labelSelector),
});
const target = struct(`${d}MetricTarget`, 'What to aim for.', {
  averageUtilization: int32('Percent of requests, on average.'),
  averageValue: quantity('Value per pod.'),
  type: req(str('Utilization, Value or AverageValue.')),
  value: quantity('Value of the metric.'),
});
const current = struct(`${d}MetricValueStatus`, 'What was read.', {
  averageUtilization: int32('Percent of requests, on average.'),
  averageValue: quantity('Value per pod.'),
  value: quantity('Value of the metric.'),
});
const objectRef = struct(
  `${d}CrossVersionObjectReference`,
  'Names an object.',
  {
    apiVersion: str('Group and version of the object.'),
    kind: req(str('Kind of the object.')),
    name: req(str('Name of the object.')),
  },
  { atomic: true },
);
const container = req(str('Name of the container.'));
const name = req(str('Name of the resource.'));
const metric = req(identifier);
const type = req(str('ContainerResource, External, Object, Pods or Resource.'));

/** A metric to aim for. */
export const metricSpec = struct(`${d}MetricSpec`, 'A metric and what to aim for.', {
  containerResource: struct(`${d}ContainerResourceMetricSource`, 'A resource of a container.', {
    container,
    name,
    target: req(target),
  }),
  external: struct(`${d}ExternalMetricSource`, 'A metric from outside.', {
    metric,
    target: req(target),
  }),
  object: struct(`${d}ObjectMetricSource`, 'A metric of an object.', {
    describedObject: req(objectRef),
    metric,
    target: req(target),
  }),
  pods: struct(`${d}PodsMetricSource`, 'A metric of each pod.', { metric, target: req(target) }),
  resource: struct(`${d}ResourceMetricSource`, 'A resource of the pods.', {
    name,
    target: req(target),
  }),
  type,
});

/** A metric as read. */
export const metricStatus = struct(`${d}MetricStatus`, 'A metric as last read.', {
  containerResource: struct(`${d}ContainerResourceMetricStatus`, 'A resource of a container.', {
    container,
    current: req(current),
    name,
  }),
  external: struct(`${d}ExternalMetricStatus`, 'A metric from outside.', {
    current: req(current),
    metric,
  }),
  object: struct(`${d}ObjectMetricStatus`, 'A metric of an object.', {
    current: req(current),
    describedObject: req(objectRef),
    metric,
  }),
  pods: struct(`${d}PodsMetricStatus`, 'A metric of each pod.', { current: req(current), metric }),
  resource: struct(`${d}ResourceMetricStatus`, 'A resource of the pods.', {
    current: req(current),
    name,
  }),
  type,
});

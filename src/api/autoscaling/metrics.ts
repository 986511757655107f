/** Metrics of the autoscaler: what to aim for, and what was read. */
import { doc, int32, quantity, req, reqValue, str, struct, tuned } from '../schema/dsl.js';
import { labelSelector } from '../schema/meta.js';
import { stringCheck } from '../validation/checks.js';
import { dnsLabel } from '../validation/names.js';

const d = 'autoscaling/v2.';

const identifier = struct(`${d}MetricIdentifier`, 'Names a metric.', {
  name: req(str('Name of the metric.', { checksEmpty: true })),
  // Kubernetes leaves the check of this selector to whoever serves the metric.
  selector: tuned(doc('Selects series of the metric.', labelSelector), { checks: [] }),
});
const target = struct(`${d}MetricTarget`, 'What to aim for.', {
  averageUtilization: int32('Percent of requests, on average.'),
  averageValue: quantity('Value per pod.'),
  type: req(str('Utilization, Value or AverageValue.', { checksEmpty: true })),
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
    kind: req(str('Kind of the object.', { checksEmpty: true })),
    name: req(str('Name of the object.', { checksEmpty: true })),
  },
  { atomic: true },
);
const isContainerName = stringCheck((value) => (value === '' ? [] : dnsLabel(value)));
const container = req(
  str('Name of the container.', { checks: [isContainerName], checksEmpty: true }),
);
const name = req(str('Name of the resource.', { checksEmpty: true }));
const metric = reqValue(identifier);
const type = req(
  str('ContainerResource, External, Object, Pods or Resource.', { checksEmpty: true }),
);

/** A metric to aim for. */
export const metricSpec = struct(`${d}MetricSpec`, 'A metric and what to aim for.', {
  containerResource: struct(`${d}ContainerResourceMetricSource`, 'A resource of a container.', {
    container,
    name,
    target: reqValue(target),
  }),
  external: struct(`${d}ExternalMetricSource`, 'A metric from outside.', {
    metric,
    target: reqValue(target),
  }),
  object: struct(`${d}ObjectMetricSource`, 'A metric of an object.', {
    describedObject: reqValue(objectRef),
    metric,
    target: reqValue(target),
  }),
  pods: struct(`${d}PodsMetricSource`, 'A metric of each pod.', {
    metric,
    target: reqValue(target),
  }),
  resource: struct(`${d}ResourceMetricSource`, 'A resource of the pods.', {
    name,
    target: reqValue(target),
  }),
  type,
});

/** A metric as read. */
export const metricStatus = struct(`${d}MetricStatus`, 'A metric as last read.', {
  containerResource: struct(`${d}ContainerResourceMetricStatus`, 'A resource of a container.', {
    container,
    current: reqValue(current),
    name,
  }),
  external: struct(`${d}ExternalMetricStatus`, 'A metric from outside.', {
    current: reqValue(current),
    metric,
  }),
  object: struct(`${d}ObjectMetricStatus`, 'A metric of an object.', {
    current: reqValue(current),
    describedObject: reqValue(objectRef),
    metric,
  }),
  pods: struct(`${d}PodsMetricStatus`, 'A metric of each pod.', {
    current: reqValue(current),
    metric,
  }),
  resource: struct(`${d}ResourceMetricStatus`, 'A resource of the pods.', {
    current: reqValue(current),
    name,
  }),
  type,
});

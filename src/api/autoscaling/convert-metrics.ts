/**
 * Metrics of autoscalers in the form of v1, which has them in annotations only, and in that of v2 (Kubernetes'
 * `pkg/apis/autoscaling/v1/conversion.go`).
 */
import { isJsonObject } from '../object.js';
import { parseQuantity } from '../quantity.js';

/** A value of JSON's form whose fields are looked at one by one. */
export type Loose = Record<string, unknown>;

function part(value: unknown): Loose {
  return isJsonObject(value) ? value : {};
}

/** The fields that are there. */
function fields(values: Loose): Loose {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** A quantity that Go has as a value and not as a pointer: zero is written. */
function plain(value: unknown): unknown {
  return value ?? '0';
}

function isZero(value: unknown): boolean {
  return typeof value !== 'string' || (parseQuantity(value)?.sign() ?? 0) === 0;
}

type Convert = (source: Loose) => Loose;
/** By `type` and the name of the field that goes with it. */
type Table = Readonly<Record<string, readonly [field: string, convert: Convert]>>;

function converted(metric: unknown, table: Table): Loose {
  const { type } = part(metric);
  const [field, convert] = (typeof type === 'string' ? table[type] : undefined) ?? [];
  if (field === undefined || convert === undefined) return { type };
  const source = part(metric)[field];
  return { type, ...(source === undefined ? {} : { [field]: fields(convert(part(source))) }) };
}

const metricOf = (name: unknown, selector: unknown): Loose => fields({ name, selector });

function resourceToV1(source: Loose): Loose {
  const { averageUtilization, averageValue } = part(source['target']);
  return {
    name: source['name'],
    targetAverageUtilization: averageUtilization,
    targetAverageValue: averageValue,
    container: source['container'],
  };
}

function resourceToV2(source: Loose): Loose {
  const { targetAverageUtilization: averageUtilization, targetAverageValue: averageValue } = source;
  const type = averageUtilization === undefined ? 'AverageValue' : 'Utilization';
  return {
    name: source['name'],
    container: source['container'],
    target: fields({ type, averageUtilization, averageValue }),
  };
}

const specsToV1: Table = {
  Object: [
    'object',
    ({ describedObject, target, metric }) => ({
      target: describedObject,
      metricName: part(metric)['name'],
      targetValue: plain(part(target)['value']),
      selector: part(metric)['selector'],
      averageValue: part(target)['averageValue'],
    }),
  ],
  Pods: [
    'pods',
    ({ metric, target }) => ({
      metricName: part(metric)['name'],
      targetAverageValue: plain(part(target)['averageValue']),
      selector: part(metric)['selector'],
    }),
  ],
  Resource: ['resource', resourceToV1],
  ContainerResource: ['containerResource', resourceToV1],
  External: [
    'external',
    ({ metric, target }) => ({
      metricName: part(metric)['name'],
      metricSelector: part(metric)['selector'],
      targetValue: part(target)['value'],
      targetAverageValue: part(target)['averageValue'],
    }),
  ],
};

const specsToV2: Table = {
  Object: [
    'object',
    ({ target, metricName, targetValue, selector, averageValue }) => ({
      describedObject: target,
      // Version 1 cannot leave the value out; one of zero beside an average was none.
      target: fields({
        type: averageValue === undefined ? 'Value' : 'AverageValue',
        value: averageValue !== undefined && isZero(targetValue) ? undefined : plain(targetValue),
        averageValue,
      }),
      metric: metricOf(metricName, selector),
    }),
  ],
  Pods: [
    'pods',
    ({ metricName, targetAverageValue, selector }) => ({
      metric: metricOf(metricName, selector),
      target: { type: 'AverageValue', averageValue: plain(targetAverageValue) },
    }),
  ],
  Resource: ['resource', resourceToV2],
  ContainerResource: ['containerResource', resourceToV2],
  External: [
    'external',
    ({ metricName, metricSelector, targetValue: value, targetAverageValue: averageValue }) => ({
      metric: metricOf(metricName, metricSelector),
      target: fields({
        type: value === undefined ? 'AverageValue' : 'Value',
        value,
        averageValue,
      }),
    }),
  ],
};

function resourceStatusToV1({ name, container, current }: Loose): Loose {
  const { averageUtilization, averageValue } = part(current);
  return {
    name,
    currentAverageUtilization: averageUtilization,
    currentAverageValue: plain(averageValue),
    container,
  };
}

function resourceStatusToV2(status: Loose): Loose {
  const { name, container } = status;
  const averageUtilization = status['currentAverageUtilization'];
  const averageValue = plain(status['currentAverageValue']);
  return { name, container, current: fields({ averageUtilization, averageValue }) };
}

const statusesToV1: Table = {
  Object: [
    'object',
    ({ describedObject, metric, current }) => ({
      target: describedObject,
      metricName: part(metric)['name'],
      currentValue: plain(part(current)['value']),
      selector: part(metric)['selector'],
      averageValue: part(current)['averageValue'],
    }),
  ],
  Pods: [
    'pods',
    ({ metric, current }) => ({
      metricName: part(metric)['name'],
      currentAverageValue: plain(part(current)['averageValue']),
      selector: part(metric)['selector'],
    }),
  ],
  Resource: ['resource', resourceStatusToV1],
  ContainerResource: ['containerResource', resourceStatusToV1],
  External: [
    'external',
    ({ metric, current }) => ({
      metricName: part(metric)['name'],
      metricSelector: part(metric)['selector'],
      currentValue: plain(part(current)['value']),
      currentAverageValue: part(current)['averageValue'],
    }),
  ],
};

const statusesToV2: Table = {
  Object: [
    'object',
    ({ target, metricName, currentValue, selector, averageValue }) => ({
      describedObject: target,
      metric: metricOf(metricName, selector),
      current: fields({ value: plain(currentValue), averageValue }),
    }),
  ],
  Pods: [
    'pods',
    ({ metricName, currentAverageValue, selector }) => ({
      metric: metricOf(metricName, selector),
      current: { averageValue: plain(currentAverageValue) },
    }),
  ],
  Resource: ['resource', resourceStatusToV2],
  ContainerResource: ['containerResource', resourceStatusToV2],
  External: [
    'external',
    ({ metricName, metricSelector, currentValue, currentAverageValue: averageValue }) => ({
      metric: metricOf(metricName, metricSelector),
      current: fields({ value: plain(currentValue), averageValue }),
    }),
  ],
};

/** A metric of v2's spec as the annotation has it. */
export const specToV1 = (metric: unknown): Loose => converted(metric, specsToV1);
/** A metric of the annotation as v2's spec has it. */
export const specToV2 = (metric: unknown): Loose => converted(metric, specsToV2);
/** A metric of v2's status as the annotation has it. */
export const statusToV1 = (metric: unknown): Loose => converted(metric, statusesToV1);
/** A metric of the annotation as v2's status has it. */
export const statusToV2 = (metric: unknown): Loose => converted(metric, statusesToV2);

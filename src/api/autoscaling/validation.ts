/** The validation of autoscalers (Kubernetes' `pkg/apis/autoscaling/validation`). */
import { at, child, forbidden, invalid, notSupported, required } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { parseQuantity } from '../quantity.js';
import { given } from '../schema/node.js';
import { containerResourceErrors } from '../validation/resource-names.js';
import { isPathSegment } from '../validation/checks.js';
import type { HorizontalPodAutoscaler } from './schemas.js';

type Spec = HorizontalPodAutoscaler['spec'];
type Metric = NonNullable<Spec['metrics']>[number];
type Rules = NonNullable<NonNullable<Spec['behavior']>['scaleUp']>;

/** A target's fields, as all metric sources have them. */
interface Target {
  readonly type?: string | undefined;
  readonly value?: string | undefined;
  readonly averageValue?: string | undefined;
  readonly averageUtilization?: number | undefined;
}

const maxStabilizationSeconds = 3600;
const maxPeriodSeconds = 1800;

/** Adds what is wrong with a name that becomes a segment of a path. */
function checkSegment(value: string, path: FieldPath, detail: string, errors: FieldError[]): void {
  if (value === '') errors.push(required(path, detail));
  else isPathSegment(value, path, errors);
}

function checkReference(
  ref: { readonly kind?: string; readonly name?: string } | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  checkSegment(ref?.kind ?? '', child(path, 'kind'), '', errors);
  checkSegment(ref?.name ?? '', child(path, 'name'), '', errors);
}

function checkTarget(target: Target | undefined, path: FieldPath, errors: FieldError[]): void {
  const { type = '', averageUtilization } = target ?? {};
  if (type === '') errors.push(required(child(path, 'type'), 'must specify a metric target type'));
  if (!['Utilization', 'Value', 'AverageValue'].includes(type)) {
    const text = 'must be either Utilization, Value, or AverageValue';
    errors.push(invalid(child(path, 'type'), type, text));
  }
  for (const name of ['value', 'averageValue'] as const) {
    const amount = target?.[name];
    if (amount !== undefined && (parseQuantity(amount)?.sign() ?? 0) !== 1) {
      errors.push(invalid(child(path, name), amount, 'must be positive'));
    }
  }
  if (averageUtilization !== undefined && averageUtilization < 1) {
    const text = 'must be greater than 0';
    errors.push(invalid(child(path, 'averageUtilization'), averageUtilization, text));
  }
}

/** A whole value, or one for each pod. */
function checkValueOrAverage(
  target: Target | undefined,
  path: FieldPath,
  errors: FieldError[],
  other: string,
): void {
  if (target?.value !== undefined || target?.averageValue !== undefined) return;
  const text = `must set either a target value ${other}`;
  errors.push(required(child(path, 'averageValue'), text));
}

function checkMetricName(
  metric: { readonly name?: string } | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  checkSegment(metric?.name ?? '', child(path, 'name'), 'must specify a metric name', errors);
}

function checkResource(
  source: { readonly name?: string; readonly target?: Target },
  path: FieldPath,
  errors: FieldError[],
): void {
  if ((source.name ?? '') === '') {
    errors.push(required(child(path, 'name'), 'must specify a resource name'));
  }
  const here = child(path, 'target');
  checkTarget(source.target, here, errors);
  const { averageUtilization, averageValue } = source.target ?? {};
  if (averageUtilization === undefined && averageValue === undefined) {
    const text = 'must set either a target raw value or a target utilization';
    errors.push(required(child(here, 'averageUtilization'), text));
  } else if (averageUtilization !== undefined && averageValue !== undefined) {
    const text = 'may not set both a target raw value and a target utilization';
    errors.push(forbidden(child(here, 'averageValue'), text));
  }
}

/** The checks of each source, by the name of its field. */
const sources: Readonly<
  Record<string, (metric: Metric, path: FieldPath, errors: FieldError[]) => void>
> = {
  object: ({ object }, path, errors) => {
    checkReference(object?.describedObject, child(path, 'describedObject'), errors);
    checkMetricName(object?.metric, child(path, 'metric'), errors);
    checkTarget(object?.target, child(path, 'target'), errors);
    checkValueOrAverage(object?.target, child(path, 'target'), errors, 'or averageValue');
  },
  external: ({ external }, path, errors) => {
    const here = child(path, 'target');
    checkMetricName(external?.metric, child(path, 'metric'), errors);
    checkTarget(external?.target, here, errors);
    checkValueOrAverage(external?.target, here, errors, 'for metric or a per-pod target');
    if (external?.target?.value !== undefined && external.target.averageValue !== undefined) {
      const text = 'may not set both a target value for metric and a per-pod target';
      errors.push(forbidden(child(here, 'value'), text));
    }
  },
  pods: ({ pods }, path, errors) => {
    checkMetricName(pods?.metric, child(path, 'metric'), errors);
    checkTarget(pods?.target, child(path, 'target'), errors);
    const amount = pods?.target?.averageValue;
    if (amount !== undefined && parseQuantity(amount)?.sign() === 1) return;
    const text = 'must specify a positive target averageValue';
    errors.push(required(child(path, 'target.averageValue'), text));
  },
  resource: ({ resource }, path, errors) => checkResource(resource ?? {}, path, errors),
  containerResource: ({ containerResource }, path, errors) => {
    if ((containerResource?.container ?? '') === '') {
      errors.push(required(child(path, 'container'), 'must specify a container'));
    }
    const { name = '' } = containerResource ?? {};
    if (name !== '') errors.push(...containerResourceErrors(name, child(path, 'name')));
    checkResource(containerResource ?? {}, path, errors);
  },
};

const fieldOfType: Readonly<Record<string, keyof Metric>> = {
  ContainerResource: 'containerResource',
  External: 'external',
  Object: 'object',
  Pods: 'pods',
  Resource: 'resource',
};

function checkMetric(metric: Metric, path: FieldPath, errors: FieldError[]): void {
  const { type = '' } = given(metric);
  const here = child(path, 'type');
  if (type === '') errors.push(required(here, 'must specify a metric source type'));
  const expected = fieldOfType[type];
  if (expected === undefined) errors.push(notSupported(here, type, Object.keys(fieldOfType)));
  const present = Object.keys(sources).filter((name) => metric[name as keyof Metric] !== undefined);
  const [first] = present;
  if (first !== undefined) sources[first]?.(metric, child(path, first), errors);
  if (expected !== undefined && metric[expected] === undefined) {
    const text = 'must populate information for the given metric source';
    errors.push(required(child(path, expected), text));
  }
  if (present.length === 1) return;
  for (const name of present) {
    if (name === expected) continue;
    errors.push(forbidden(child(path, name), 'must populate the given metric source only'));
  }
}

function checkRules(rules: Rules | undefined, path: FieldPath, errors: FieldError[]): void {
  if (rules === undefined) return;
  const { stabilizationWindowSeconds: window, selectPolicy, policies = [] } = rules;
  const here = child(path, 'stabilizationWindowSeconds');
  if (window !== undefined && window < 0) {
    errors.push(invalid(here, window, 'must be greater than or equal to zero'));
  }
  if (window !== undefined && window > maxStabilizationSeconds) {
    const text = `must be less than or equal to ${maxStabilizationSeconds}`;
    errors.push(invalid(here, window, text));
  }
  const choices = ['Disabled', 'Max', 'Min'];
  if (selectPolicy !== undefined && !choices.includes(selectPolicy)) {
    errors.push(notSupported(child(path, 'selectPolicy'), selectPolicy, choices));
  }
  if (policies.length === 0) {
    errors.push(required(child(path, 'policies'), 'must specify at least one Policy'));
  }
  policies.forEach((policy, index) => {
    const { type = '', value = 0, periodSeconds = 0 } = given(policy);
    const place = at(child(path, 'policies'), index);
    if (type !== 'Pods' && type !== 'Percent') {
      errors.push(notSupported(child(place, 'type'), type, ['Percent', 'Pods']));
    }
    if (value <= 0) errors.push(invalid(child(place, 'value'), value, 'must be greater than zero'));
    const period = child(place, 'periodSeconds');
    if (periodSeconds <= 0)
      errors.push(invalid(period, periodSeconds, 'must be greater than zero'));
    if (periodSeconds > maxPeriodSeconds) {
      const text = `must be less than or equal to ${maxPeriodSeconds}`;
      errors.push(invalid(period, periodSeconds, text));
    }
  });
}

/** Validates an autoscaler; returns its errors by field. */
export function validateAutoscaler({ spec }: HorizontalPodAutoscaler): FieldError[] {
  const errors: FieldError[] = [];
  const { minReplicas: min = 1, maxReplicas: max = 0, metrics = [], behavior } = given(spec);
  if (min < 1) errors.push(invalid('spec.minReplicas', min, 'must be greater than or equal to 1'));
  if (max < 1) errors.push(invalid('spec.maxReplicas', max, 'must be greater than 0'));
  if (max < min) {
    const text = 'must be greater than or equal to `minReplicas`';
    errors.push(invalid('spec.maxReplicas', max, text));
  }
  checkReference(spec.scaleTargetRef, 'spec.scaleTargetRef', errors);
  metrics.forEach((metric, index) => checkMetric(metric, at('spec.metrics', index), errors));
  const canBeIdle = metrics.some(({ type }) => type === 'Object' || type === 'External');
  if (min === 0 && !canBeIdle) {
    const text =
      'must specify at least one Object or External metric to support scaling to zero replicas';
    errors.push(forbidden('spec.metrics', text));
  }
  checkRules(behavior?.scaleUp, 'spec.behavior.scaleUp', errors);
  checkRules(behavior?.scaleDown, 'spec.behavior.scaleDown', errors);
  return errors;
}

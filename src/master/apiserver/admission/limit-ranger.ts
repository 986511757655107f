import { quantityOf } from '../../../api/quantity.js';
import type { Container, LimitRange, PersistentVolumeClaim, Pod } from '../../../api/types/core.js';
import type { Objects } from '../registry/objects.js';
import type { AdmissionRequest } from '../registry/types.js';
import { errorTarget } from '../registry/types.js';
import { forbidden } from '../status.js';
import type { Amounts } from '../../../api/facts/amounts.js';
import { amountsOf, podAmounts } from '../../../api/facts/amounts.js';
import type { AdmissionPlugin } from './chain.js';
import { createsPod } from './pod-object.js';

type Limits = LimitRange['spec']['limits'][number];

const annotation = 'kubernetes.io/limit-ranger';

function isClaim({ context: { target } }: AdmissionRequest): boolean {
  const { kind, subresource } = target;
  return kind.kind === 'PersistentVolumeClaim' && kind.group === '' && subresource === '';
}

/** Defaults and bounds for each container, pod and claim, from the LimitRanges of the namespace. */
export function limitRanger(objects: Objects): AdmissionPlugin {
  const cache = objects.watchCache.cache('limitranges');
  const limitsIn = (namespace: string): Limits[] =>
    [...cache.list(namespace)].flatMap((entry) => entry.object<LimitRange>().spec.limits ?? []);
  return {
    name: 'LimitRanger',
    // What is deleted must be able to lose its finalizers, however tight the limits have become.
    handles: (request) =>
      cache.size > 0 &&
      request.old?.metadata.deletionTimestamp === undefined &&
      (createsPod(request) ||
        (isClaim(request) && (request.operation === 'CREATE' || request.operation === 'UPDATE'))),
    mutate(request) {
      if (!createsPod(request)) return;
      setDefaults(
        request.object as Pod,
        limitsIn(request.context.target.namespace).filter(({ type }) => type === 'Container'),
      );
    },
    validate(request) {
      const { kind, namespace } = request.context.target;
      const { object } = request;
      if (object === undefined) return;
      const errors = limitsIn(namespace).flatMap((limits) =>
        kind.kind === 'Pod'
          ? podErrors(limits, object as Pod)
          : claimErrors(limits, object as PersistentVolumeClaim),
      );
      if (errors.length === 0) return;
      const text = errors.length === 1 ? errors.join() : `[${errors.join(', ')}]`;
      throw forbidden(errorTarget(kind), object.metadata.name, text);
    },
  };
}

/** Fills in requests and limits that containers do not name, and notes so in an annotation. */
function setDefaults(pod: Pod, limits: readonly Limits[]): void {
  const notes: string[] = [];
  for (const item of limits) {
    for (const container of pod.spec.containers ?? []) {
      notes.push(...fill(container, item, 'container'));
    }
    for (const container of pod.spec.initContainers ?? []) {
      notes.push(...fill(container, item, 'init container'));
    }
  }
  if (notes.length === 0) return;
  const text = `LimitRanger plugin set: ${notes.join('; ')}`;
  pod.metadata.annotations = { ...pod.metadata.annotations, [annotation]: text };
}

function fill(container: Container, limits: Limits, what: string): string[] {
  const notes: string[] = [];
  const parts = [
    ['requests', 'request', limits.defaultRequest],
    ['limits', 'limit', limits.default],
  ] as const;
  for (const [part, word, defaults] of parts) {
    const missing = Object.keys(defaults ?? {})
      .filter((name) => container.resources?.[part]?.[name] === undefined)
      .sort();
    if (missing.length === 0) continue;
    const filled = { ...container.resources?.[part] };
    for (const name of missing) filled[name] = defaults?.[name] ?? '0';
    container.resources = { ...container.resources, [part]: filled };
    notes.push(`${missing.join(', ')} ${word} for ${what} ${container.name}`);
  }
  return notes;
}

interface Given {
  readonly requests: Amounts;
  readonly limits: Amounts;
}

function podErrors(limits: Limits, pod: Pod): string[] {
  const check = (given: Given): string[] => [
    ...minErrors(limits, given),
    ...maxErrors(limits, given),
    ...ratioErrors(limits, given),
  ];
  if (limits.type === 'Container') {
    return [...(pod.spec.containers ?? []), ...(pod.spec.initContainers ?? [])].flatMap(
      ({ resources }) =>
        check({ requests: amountsOf(resources?.requests), limits: amountsOf(resources?.limits) }),
    );
  }
  if (limits.type !== 'Pod') return [];
  return check({
    requests: podAmounts(pod.spec, 'requests'),
    limits: podAmounts(pod.spec, 'limits'),
  });
}

function claimErrors(limits: Limits, claim: PersistentVolumeClaim): string[] {
  if (limits.type !== 'PersistentVolumeClaim') return [];
  const requests = amountsOf(claim.spec.resources?.requests);
  const errors = minErrors(limits, { requests, limits: new Map() });
  for (const [name, bound] of amountsOf(limits.max)) {
    const head = `maximum ${name} usage per ${limits.type} is ${bound.toString()}`;
    const request = requests.get(name);
    if (request === undefined) errors.push(`${head}.  No request is specified`);
    else if (request.compare(bound) > 0) {
      errors.push(`${head}, but request is ${request.toString()}`);
    }
  }
  return errors;
}

function minErrors(limits: Limits, given: Given): string[] {
  return [...amountsOf(limits.min)].flatMap(([name, bound]) => {
    const head = `minimum ${name} usage per ${limits.type} is ${bound.toString()}`;
    const [request, limit] = [given.requests.get(name), given.limits.get(name)];
    if (request === undefined) return [`${head}.  No request is specified`];
    if (request.compare(bound) < 0) return [`${head}, but request is ${request.toString()}`];
    if (limit === undefined || limit.compare(bound) >= 0) return [];
    return [`${head}, but limit is ${limit.toString()}`];
  });
}

function maxErrors(limits: Limits, given: Given): string[] {
  return [...amountsOf(limits.max)].flatMap(([name, bound]) => {
    const head = `maximum ${name} usage per ${limits.type} is ${bound.toString()}`;
    const [request, limit] = [given.requests.get(name), given.limits.get(name)];
    if (limit === undefined) return [`${head}.  No limit is specified`];
    if (limit.compare(bound) > 0) return [`${head}, but limit is ${limit.toString()}`];
    if (request === undefined || request.compare(bound) <= 0) return [];
    return [`${head}, but request is ${request.toString()}`];
  });
}

const none = quantityOf(0);

function ratioErrors(limits: Limits, given: Given): string[] {
  return [...amountsOf(limits.maxLimitRequestRatio)].flatMap(([name, bound]) => {
    const head = `${name} max limit to request ratio per ${limits.type} is ${bound.toString()}`;
    const request = given.requests.get(name) ?? none;
    const limit = given.limits.get(name) ?? none;
    if (request.sign() === 0) return [`${head}, but no request is specified or request is 0`];
    if (limit.sign() === 0) return [`${head}, but no limit is specified or limit is 0`];
    const ratio = limit.milliValue() / request.milliValue();
    if (ratio * 1_000 <= bound.milliValue()) return [];
    return [`${head}, but provided ratio is ${ratio.toFixed(6)}`];
  });
}

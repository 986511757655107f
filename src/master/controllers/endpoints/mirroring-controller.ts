/**
 * Controller "endpointslice-mirroring": EndpointSlices for Endpoints that somebody wrote by hand for a Service without
 * selector. @see kubernetes pkg/controller/endpointslicemirroring
 */
import { keyOf, splitKey } from '../../../api/facts/keys.js';
import type { ControllerContext } from '../context.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import { createReconciler } from '../../../client/controller/reconciler.js';
import type { EndpointAddress, Endpoints, Service } from '../../../api/types/core.js';
import type { EventRecorder } from '../../../client/events/recorder.js';
import { resources } from '../../../client/resources.js';
import type { Informer } from '../../../client/types.js';
import type { SliceGroup } from './plan.js';
import { serviceNameLabel } from '../../../api/facts/well-known.js';
import type { Endpoint } from '../../../api/types/networking.js';
import { isIpv6, managedByLabel } from './plan.js';
import { SliceWriter } from './slice-writer.js';

const mirrorManager = 'endpointslicemirroring-controller.k8s.io';
const skipMirrorLabel = 'endpointslice.kubernetes.io/skip-mirror';
const leaderAnnotation = 'control-plane.alpha.kubernetes.io/leader';
/** Most addresses of a subset that are mirrored. */
const maxPerSubset = 1000;

/** Controller "endpointslice-mirroring". */
export function createEndpointSliceMirroringController(context: ControllerContext): Reconciler {
  return new MirroringController(context).reconciler;
}

class MirroringController {
  readonly #services: Informer<Service>;
  readonly #endpoints: Informer<Endpoints>;
  readonly #writer: SliceWriter;
  readonly #recorder: EventRecorder;
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext) {
    this.#recorder = context.recorder('endpoint-slice-mirroring-controller');
    this.reconciler = createReconciler(context, {
      name: 'endpointslice-mirroring',
      reconcile: (key) => this.#reconcile(key),
    });
    const enqueue = (key: string): void => this.reconciler.enqueue(key);
    this.#services = context.informers.informer<Service>(resources.services);
    this.#endpoints = context.informers.informer<Endpoints>(resources.endpoints);
    this.#writer = new SliceWriter(context, mirrorManager, enqueue);
    this.#services.onChange(({ object }) => enqueue(keyOf(object)));
    this.#endpoints.onChange(({ object }) => enqueue(keyOf(object)));
  }

  #reconcile(key: string): Promise<void> {
    const at = splitKey(key);
    const service = this.#services.get(at);
    const source = this.#endpoints.get(at);
    if (source === undefined || service === undefined || !isMirrored(source, service)) {
      return this.#writer.removeAll(key);
    }
    const owner = { apiVersion: 'v1', kind: 'Endpoints', metadata: source.metadata };
    for (const { reason, message } of mirrorWarnings(source)) {
      this.#recorder.warning(owner, reason, message);
    }
    return this.#writer.write({
      key,
      owner,
      groups: mirrorGroups(source),
      families: [],
      labels: mirrorLabels(source),
      annotations: mirrorAnnotations(source),
    });
  }
}

function isMirrored({ metadata }: Endpoints, service: Service): boolean {
  return (
    Object.keys(service.spec.selector ?? {}).length === 0 &&
    metadata.deletionTimestamp === undefined &&
    metadata.labels?.[skipMirrorLabel] !== 'true' &&
    metadata.annotations?.[leaderAnnotation] === undefined
  );
}

function mirrorLabels({ metadata }: Endpoints): Record<string, string> {
  return {
    ...metadata.labels,
    [serviceNameLabel]: metadata.name,
    [managedByLabel]: mirrorManager,
  };
}

/** Those of the source, but for what is said of the source itself. */
export function mirrorAnnotations({ metadata }: Endpoints): Record<string, string> {
  const {
    'kubectl.kubernetes.io/last-applied-configuration': _applied,
    'endpoints.kubernetes.io/last-change-trigger-time': _time,
    ...annotations
  } = metadata.annotations ?? {};
  return annotations;
}

/** Tells of addresses that are not mirrored. */
export function mirrorWarnings({ subsets = [] }: Endpoints): { reason: string; message: string }[] {
  const skipped = subsets
    .map(
      ({ addresses = [], notReadyAddresses = [] }) => addresses.length + notReadyAddresses.length,
    )
    .reduce((sum, count) => sum + Math.max(0, count - maxPerSubset), 0);
  if (skipped === 0) return [];
  const message =
    `A max of ${maxPerSubset} addresses can be mirrored to EndpointSlices per Endpoints subset. ` +
    `${skipped} addresses were skipped`;
  return [{ reason: 'TooManyAddressesToMirror', message }];
}

/** Makes one group for each subset and address family. */
export function mirrorGroups({ subsets = [] }: Endpoints): SliceGroup[] {
  const groups: SliceGroup[] = [];
  for (const subset of subsets) {
    const ports = (subset.ports ?? []).map((port) => ({ name: '', ...port }));
    const all = [
      ...(subset.addresses ?? []).map((address) => mirrorEndpoint(address, true)),
      ...(subset.notReadyAddresses ?? []).map((address) => mirrorEndpoint(address, false)),
    ].slice(0, maxPerSubset);
    for (const addressType of ['IPv4', 'IPv6'] as const) {
      const found = all.filter(
        ({ addresses: [ip = ''] }) => isIpv6(ip) === (addressType === 'IPv6'),
      );
      if (found.length > 0) groups.push({ addressType, ports, endpoints: found });
    }
  }
  return groups;
}

function mirrorEndpoint(address: EndpointAddress, ready: boolean): Endpoint {
  const { hostname = '', ip, nodeName, targetRef } = address;
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname === '' ? {} : { hostname }),
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(targetRef === undefined ? {} : { targetRef }),
  };
}

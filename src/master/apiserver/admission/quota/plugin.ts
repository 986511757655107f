import type { KubeObject } from '../../../../api/object.js';
import type { Pod, ResourceQuota } from '../../../../api/types/core.js';
import type { Objects } from '../../registry/objects.js';
import type { AdmissionRequest, RequestContext } from '../../registry/types.js';
import { errorTarget } from '../../registry/types.js';
import { forbidden } from '../../status.js';
import type { Amounts } from '../../../../api/facts/amounts.js';
import { amountsOf, maskAmounts, subtractAmounts } from '../../../../api/facts/amounts.js';
import type { AdmissionPlugin } from '../chain.js';
import { QuotaLedger, checkCharge } from './ledger.js';
import { isInScope } from '../../../../api/facts/quota-scopes.js';
import { missingInPod, usageMayChange, usageOf } from '../../../../api/facts/quota-usage.js';

interface Charge {
  readonly quota: string;
  readonly delta: Amounts;
}

/** Charges the quotas of the namespace with what a write adds; refuses what would exceed one. */
export function resourceQuota(objects: Objects): AdmissionPlugin {
  const cache = objects.watchCache.cache('resourcequotas');
  const ledger = new QuotaLedger(objects);
  /** The charges of each request under way, for the case that it fails or is tried again. */
  const charged = new WeakMap<RequestContext, Charge[]>();

  const abandon = async ({ context }: AdmissionRequest): Promise<void> => {
    const charges = charged.get(context) ?? [];
    charged.delete(context);
    for (const { quota, delta } of charges) {
      await ledger.refund(context.target.namespace, quota, delta);
    }
  };

  return {
    name: 'ResourceQuota',
    handles: ({ operation, context: { target } }) => {
      const { kind, subresource } = target;
      if (cache.size === 0 || !kind.namespaced || kind.virtual) return false;
      if (operation === 'UPDATE') return usageMayChange(kind, subresource);
      return operation === 'CREATE' && subresource === '';
    },
    async validate(request) {
      await abandon(request);
      const { context, object } = request;
      const { namespace, kind } = context.target;
      if (object === undefined || keepsItsScope(request)) return;
      const quotas = [...cache.list(namespace)].map((entry) => entry.object<ResourceQuota>());
      const charges = plan(request, object, quotas);
      if (charges.length === 0) return;
      const done: Charge[] = [];
      charged.set(context, done);
      for (const charge of charges) {
        const quota = quotas.find(({ metadata }) => metadata.name === charge.quota);
        const refusal =
          context.options.dryRun && quota !== undefined
            ? checkCharge(quota, charge.delta)
            : await ledger.charge(namespace, charge.quota, charge.delta);
        if (refusal !== '') {
          await abandon(request);
          throw forbidden(errorTarget(kind), object.metadata.name, refusal);
        }
        if (!context.options.dryRun) done.push(charge);
      }
    },
    abandon,
  };
}

/** True for an update of a pod that changes neither what it uses nor to which quotas that belongs. */
function keepsItsScope({ context: { target }, object, old }: AdmissionRequest): boolean {
  if (old === undefined || target.kind.plural !== 'pods' || target.subresource !== '') return false;
  const ends = (pod: KubeObject | undefined): boolean =>
    (pod as Pod | undefined)?.spec.activeDeadlineSeconds !== undefined;
  return ends(object) === ends(old);
}

/** Returns the charge to each quota. @throws StatusError when a quota asks for more than the object says */
function plan(
  request: AdmissionRequest,
  object: KubeObject,
  quotas: readonly ResourceQuota[],
): Charge[] {
  const { kind } = request.context.target;
  let usage: Amounts | undefined;
  const charges: Charge[] = [];
  for (const quota of quotas) {
    const hard = amountsOf(quota.status?.hard);
    usage ??= usageOf(kind, object);
    const names = [...hard.keys()].filter((name) => concerns(kind.plural, kind.group, name, usage));
    if (names.length === 0 || !isInScope(quota, kind, object)) continue;
    const refuse = (text: string): Error =>
      forbidden(errorTarget(kind), object.metadata.name, text);
    if (kind.group === '' && kind.plural === 'pods') {
      const missing = missingInPod(object as Pod, names);
      if (missing !== '') throw refuse(`failed quota: ${quota.metadata.name}: ${missing}`);
    }
    const used = quota.status?.used ?? {};
    if (names.some((name) => used[name] === undefined)) {
      const text = names.toSorted().join(',');
      throw refuse(`status unknown for quota: ${quota.metadata.name}, resources: ${text}`);
    }
    const wasCharged = request.old !== undefined && isInScope(quota, kind, request.old);
    const before = wasCharged ? usageOf(kind, request.old) : new Map();
    const delta = maskAmounts(subtractAmounts(usage, before), new Set(names));
    const changes = new Map([...delta].filter(([, amount]) => amount.sign() !== 0));
    if (changes.size > 0) charges.push({ quota: quota.metadata.name, delta: changes });
  }
  return charges;
}

/** True when objects of this resource can use what `name` limits. */
function concerns(
  plural: string,
  group: string,
  name: string,
  usage: Amounts | undefined,
): boolean {
  if (usage?.has(name) === true) return true;
  if (group !== '') return false;
  if (plural === 'pods') return /^((requests|limits)\.)?(cpu|memory|ephemeral-storage)$/.test(name);
  return plural === 'services' && name.startsWith('services.');
}

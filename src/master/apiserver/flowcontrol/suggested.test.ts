/**
 * The objects of a new cluster against a table after `k8s.io/apiserver/pkg/apis/flowcontrol/bootstrap/default.go` of
 * 1.33: schemas for elections by endpoints and configmaps went in 1.34 (kubernetes#131215).
 */
import { expect, test } from '@jest/globals';
import type { FlowRule } from '../../../api/flowcontrol/mandatory.js';
import { mandatoryFlowSchemas, mandatoryLevels } from '../../../api/flowcontrol/mandatory.js';
import { suggestedFlowSchemas, suggestedLevels } from './suggested.js';

/** `shares lendable borrowing response queues/hand/length`; `-` for what is not said. */
function levelLine({ spec }: (typeof suggestedLevels)[number]): string {
  const { exempt, limited } = spec;
  const { nominalConcurrencyShares, lendablePercent } = exempt ?? limited ?? {};
  const borrowing = limited?.borrowingLimitPercent ?? '-';
  const response = limited?.limitResponse?.type ?? '-';
  const queuing = limited?.limitResponse?.queuing;
  const queues =
    queuing === undefined
      ? '-'
      : `${queuing.queues}/${queuing.handSize}/${queuing.queueLengthLimit}`;
  return [spec.type, nominalConcurrencyShares, lendablePercent, borrowing, response, queues].join(
    ' ',
  );
}

test('the levels', () => {
  const lines = [...mandatoryLevels, ...suggestedLevels].map(
    (level) => `${level.metadata.name} ${levelLine(level)}`,
  );
  expect(lines).toEqual([
    'exempt Exempt 0 0 - - -',
    'catch-all Limited 5 0 - Reject -',
    'system Limited 30 33 - Queue 64/6/50',
    'node-high Limited 40 25 - Queue 64/6/50',
    'leader-election Limited 10 0 - Queue 16/4/50',
    'workload-high Limited 40 50 - Queue 128/6/50',
    'workload-low Limited 100 90 - Queue 128/6/50',
    'global-default Limited 20 50 - Queue 128/6/50',
  ]);
});

function subjectText(subject: FlowRule['subjects'][number]): string {
  const { user, group, serviceAccount } = subject;
  if (serviceAccount !== undefined) return `${serviceAccount.namespace}:${serviceAccount.name}`;
  return user?.name ?? group?.name ?? '';
}

function ruleText({ subjects, resourceRules = [], nonResourceRules = [] }: FlowRule): string {
  const parts = [
    ...resourceRules.map((rule) => {
      const scope = rule.clusterScope === true ? ' and cluster' : '';
      const where = `in ${(rule.namespaces ?? []).join()}${scope}`;
      const group = rule.apiGroups.join() || 'core';
      return `${rule.verbs.join()} ${group}/${rule.resources.join()} ${where}`;
    }),
    ...nonResourceRules.map((rule) => `${rule.verbs.join()} ${rule.nonResourceURLs.join()}`),
  ];
  return `${subjects.map(subjectText).join(' ')} | ${parts.join(' | ')}`;
}

const everything = '* */* in * and cluster | * *';
const anybody = 'system:unauthenticated system:authenticated';
const managers = 'system:kube-controller-manager system:kube-scheduler';
const election = 'get,create,update';
const leases = `${election} coordination.k8s.io/leases in *`;

test('the FlowSchemas, by precedence', () => {
  const lines = [...mandatoryFlowSchemas, ...suggestedFlowSchemas]
    .toSorted((a, b) => (a.spec.matchingPrecedence ?? 0) - (b.spec.matchingPrecedence ?? 0))
    .map(({ metadata, spec }) => {
      const method = spec.distinguisherMethod?.type ?? '-';
      const head = `${metadata.name} ${spec.priorityLevelConfiguration.name} ${spec.matchingPrecedence} ${method}`;
      return `${head} | ${(spec.rules ?? []).map(ruleText).join(' || ')}`;
    });
  expect(lines).toEqual([
    `exempt exempt 1 - | system:masters | ${everything}`,
    `probes exempt 2 - | ${anybody} | get /healthz,/readyz,/livez`,
    `system-leader-election leader-election 100 ByUser | ${managers} kube-system:* | ${leases}`,
    'endpoint-controller workload-high 150 ByUser | system:kube-controller-manager ' +
      'kube-system:endpoint-controller kube-system:endpointslicemirroring-controller | ' +
      `${election} core/endpoints in *`,
    'workload-leader-election leader-election 200 ByUser | kube-system:* | ' +
      `${election} core/endpoints,configmaps in * | ${leases}`,
    'system-node-high node-high 400 ByUser | system:nodes | * core/nodes,nodes/status in * and cluster | ' +
      '* coordination.k8s.io/leases in *',
    `system-nodes system 500 ByUser | system:nodes | ${everything}`,
    `kube-controller-manager workload-high 800 ByNamespace | system:kube-controller-manager | ${everything}`,
    `kube-scheduler workload-high 800 ByNamespace | system:kube-scheduler | ${everything}`,
    `kube-system-service-accounts workload-high 900 ByNamespace | kube-system:* | ${everything}`,
    `service-accounts workload-low 9000 ByUser | system:serviceaccounts | ${everything}`,
    `global-default global-default 9900 ByUser | ${anybody} | ${everything}`,
    `catch-all catch-all 10000 ByUser | ${anybody} | ${everything}`,
  ]);
});

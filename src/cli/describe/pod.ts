import { qosClass } from '../../api/core/qos.js';
import type { Pod } from '../../api/types/core.js';
import type { DescribeFacts } from './common.js';
import {
  ageText,
  controllerText,
  longTime,
  writeEvents,
  writeLabels,
  writeList,
  writeMetadata,
  writePairs,
} from './common.js';
import type { Container } from './containers.js';
import { writeContainers } from './containers.js';
import { tolerationLines, writeSpread } from './pod-template.js';
import { writeVolumes } from './volumes.js';
import type { DescribeWriter } from './writer.js';

/** A pod. */
export function describePod(writer: DescribeWriter, pod: Pod, facts: DescribeFacts): void {
  const { metadata, spec, status } = pod;
  writeMetadata(writer, pod);
  if (spec.priority !== undefined && spec.priority !== null)
    writer.field(0, 'Priority', spec.priority);
  if ((spec.priorityClassName ?? '') !== '')
    writer.field(0, 'Priority Class Name', spec.priorityClassName);
  if ((spec.runtimeClassName ?? '') !== '')
    writer.field(0, 'Runtime Class Name', spec.runtimeClassName);
  if ((spec.serviceAccountName ?? '') !== '')
    writer.field(0, 'Service Account', spec.serviceAccountName);
  const node = spec.nodeName ?? '';
  writer.field(0, 'Node', node === '' ? '<none>' : `${node}/${status?.hostIP ?? ''}`);
  if (status?.startTime !== undefined && status.startTime !== null) {
    writer.field(0, 'Start Time', longTime(status.startTime));
  }
  writePairs(writer, pod);
  const phase = status?.phase ?? '';
  if (metadata.deletionTimestamp !== undefined && phase !== 'Failed' && phase !== 'Succeeded') {
    writer.field(
      0,
      'Status',
      `Terminating (lasts ${ageText(metadata.deletionTimestamp, facts.nowMs)})`,
    );
    writer.field(0, 'Termination Grace Period', `${metadata.deletionGracePeriodSeconds ?? 0}s`);
  } else writer.field(0, 'Status', phase);
  if ((status?.reason ?? '') !== '') writer.field(0, 'Reason', status?.reason);
  if ((status?.message ?? '') !== '') writer.field(0, 'Message', status?.message);
  const seccomp = spec.securityContext?.seccompProfile;
  if (seccomp !== undefined && seccomp !== null) {
    writer.field(0, 'SeccompProfile', seccomp.type);
    if (seccomp.type === 'Localhost') {
      writer.field(0, 'LocalhostProfile', seccomp.localhostProfile ?? '');
    }
  }
  writer.field(0, 'IP', status?.podIP ?? '');
  writeAddresses(writer, pod);
  const owner = controllerText(pod);
  if (owner !== undefined) writer.field(0, 'Controlled By', owner);
  if ((status?.nominatedNodeName ?? '') !== '')
    writer.field(0, 'NominatedNodeName', status?.nominatedNodeName);
  writeAllContainers(writer, pod);
  writeGates(writer, pod);
  writeVolumes(writer, spec.volumes);
  writer.field(0, 'QoS Class', status?.qosClass ?? qosClass(spec));
  writeLabels(writer, 'Node-Selectors', spec.nodeSelector);
  writeList(writer, 'Tolerations', tolerationLines(spec));
  writeSpread(writer, spec);
  writeEvents(writer, facts);
}

function writeAddresses(writer: DescribeWriter, { status }: Pod): void {
  const addresses = status?.podIPs ?? [];
  if (addresses.length === 0) {
    writer.line(0, 'IPs:\t<none>');
    return;
  }
  writer.line(0, 'IPs:');
  for (const { ip } of addresses) writer.field(1, 'IP', ip);
}

function writeAllContainers(writer: DescribeWriter, pod: Pod): void {
  const { spec, status } = pod;
  if ((spec.initContainers ?? []).length > 0) {
    const statuses = status?.initContainerStatuses;
    writeContainers(writer, 'Init Containers', spec.initContainers ?? [], { statuses, pod });
  }
  writeContainers(writer, 'Containers', spec.containers, {
    statuses: status?.containerStatuses,
    pod,
  });
  if ((spec.ephemeralContainers ?? []).length > 0) {
    const containers = (spec.ephemeralContainers ?? []) as unknown as readonly Container[];
    writeContainers(writer, 'Ephemeral Containers', containers, {
      statuses: status?.ephemeralContainerStatuses,
      pod,
    });
  }
}

function writeGates(writer: DescribeWriter, { spec, status }: Pod): void {
  const conditions = status?.conditions ?? [];
  const gates = spec.readinessGates ?? [];
  if (gates.length > 0) {
    writer.line(0, 'Readiness Gates:');
    writer.line(1, 'Type\tStatus');
    for (const { conditionType } of gates) {
      const found = conditions.find(({ type }) => type === conditionType);
      writer.line(1, `${conditionType} \t${found?.status ?? '<none>'} `);
    }
  }
  if (conditions.length === 0) return;
  writer.line(0, 'Conditions:');
  writer.line(1, 'Type\tStatus');
  for (const { type, status: value } of conditions) writer.line(1, `${type} \t${value} `);
}

import type { Deployment } from '../../api/types/workloads.js';
import { writeAnnotations, writeLabels, writeList } from './common.js';
import type { PodSpec } from './containers.js';
import { writeContainers } from './containers.js';
import { writeVolumes } from './volumes.js';
import type { DescribeWriter } from './writer.js';

type PodTemplate = Deployment['spec']['template'];

/** The template of a workload's pods. @param cause of a revision */
export function describeTemplate(
  writer: DescribeWriter,
  template: PodTemplate | undefined,
  options: { readonly cause?: string } = {},
): void {
  writer.line(0, 'Pod Template:');
  if (template === undefined) {
    writer.line(1, '<unset>');
    return;
  }
  const { metadata, spec } = template;
  writeLabels(writer, '  Labels', metadata?.labels, '\t');
  if (options.cause !== undefined && options.cause !== '') {
    writeAnnotations(writer, '  Annotations', { 'kubernetes.io/change-cause': options.cause });
  } else if (Object.keys(metadata?.annotations ?? {}).length > 0) {
    writeAnnotations(writer, '  Annotations', metadata?.annotations);
  }
  if (spec === undefined) return;
  const pod = spec as PodSpec;
  if ((pod.serviceAccountName ?? '') !== '')
    writer.field(1, 'Service Account', pod.serviceAccountName);
  if ((pod.initContainers ?? []).length > 0) {
    writeContainers(writer, 'Init Containers', pod.initContainers ?? [], { space: '  ' });
  }
  writeContainers(writer, 'Containers', pod.containers, { space: '  ' });
  writeVolumes(writer, pod.volumes, '  ');
  writeSpread(writer, pod, '  ');
  if ((pod.priorityClassName ?? '') !== '')
    writer.field(1, 'Priority Class Name', pod.priorityClassName);
  writeLabels(writer, '  Node-Selectors', pod.nodeSelector);
  writeList(writer, '  Tolerations', tolerationLines(pod));
}

/** The rules by which pods spread over the cluster. */
export function writeSpread(writer: DescribeWriter, spec: PodSpec, space = ''): void {
  const constraints = spec.topologySpreadConstraints ?? [];
  if (constraints.length === 0) return;
  const lines = constraints.map(({ topologyKey, whenUnsatisfiable, maxSkew, labelSelector }) => {
    const pairs = Object.entries(labelSelector?.matchLabels ?? {}).map(
      ([key, value]) => `${key}=${value}`,
    );
    return `${topologyKey}:${whenUnsatisfiable} when max skew ${maxSkew} is exceeded for selector ${pairs.join(',')}`;
  });
  writeList(writer, `${space}Topology Spread Constraints`, lines);
}

/** Tolerations in kubectl's words, in the order of their keys. */
export function tolerationLines({ tolerations = [] }: PodSpec): string[] {
  return tolerations
    .toSorted((a, b) =>
      (a.key ?? '') < (b.key ?? '') ? -1 : (a.key ?? '') > (b.key ?? '') ? 1 : 0,
    )
    .map(({ key = '', operator, value = '', effect = '', tolerationSeconds }) => {
      const isPair = value !== '';
      const base = `${key}${isPair ? `=${value}` : ''}${effect === '' ? '' : `:${effect}`}`;
      const exists =
        operator === 'Exists' && !isPair && (key !== '' || effect !== '') ? ' op=Exists' : '';
      const all = operator === 'Exists' && key === '' && effect === '' ? 'op=Exists' : '';
      const time =
        tolerationSeconds === undefined || tolerationSeconds === null
          ? ''
          : ` for ${tolerationSeconds}s`;
      return `${all === '' ? base + exists : all}${time}`;
    });
}

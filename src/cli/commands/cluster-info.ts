import type { Service } from '../../api/types/core.js';
import { listObjects } from '../builder/objects.js';
import { defineCommand } from '../command/spec.js';
import { withSession } from '../kube/session.js';

/** `trireme cluster-info`. */
export const clusterInfoCommand = defineCommand({
  name: 'cluster-info',
  summary: 'show where the masters and the services of the cluster are',
  description:
    'Services are those of the namespace kube-system with the label kubernetes.io/cluster-service=true.',
  usage: '',
  examples: [['where they are', 'trireme cluster-info']],
  flags: {},
  completes: 'nothing',
  run: (invocation) =>
    withSession(invocation, async (session) => {
      const { kube, context } = session;
      const namespace = session.enforceNamespace ? session.namespace : 'kube-system';
      const services = await listObjects<Service>(
        session,
        await session.mapper.byName('services'),
        {
          namespace,
          labelSelector: 'kubernetes.io/cluster-service=true',
        },
      );
      const lines = [
        `Kubernetes control plane is running at ${kube.server}`,
        ...services.map(
          (service) => `${shownName(service)} is running at ${addressOf(service, kube.server)}`,
        ),
        '',
        "To further debug and diagnose cluster problems, use 'trireme doctor'.",
      ];
      context.out(lines.map((line) => `${line}\n`).join(''));
    }),
});

function shownName({ metadata }: Service): string {
  const label = metadata.labels?.['kubernetes.io/name'] ?? '';
  return label === '' ? metadata.name : label;
}

/**
 * Where a service is: at its load balancer, else behind the API server (kubectl's `clusterinfo.go`).
 * @param server `https://host:port`
 */
export function addressOf({ metadata, spec, status }: Service, server: string): string {
  const ports = spec?.ports ?? [];
  const [ingress] = status?.loadBalancer?.ingress ?? [];
  if (ingress !== undefined) {
    const host = (ingress.ip ?? '') === '' ? ingress.hostname : ingress.ip;
    return ports.map(({ port }) => `http://${host ?? ''}:${port} `).join('');
  }
  const [port] = ports;
  const scheme = port !== undefined && (port.name === 'https' || port.port === 443) ? 'https' : '';
  const portName = port?.name ?? '';
  const { name, namespace = '' } = metadata;
  const target =
    scheme !== ''
      ? `${scheme}:${name}:${portName}`
      : portName === ''
        ? name
        : `${name}:${portName}`;
  return `${server}/api/v1/namespaces/${namespace}/services/${target}/proxy`;
}

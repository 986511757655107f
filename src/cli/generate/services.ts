/** `create service` and `create ingress`. */
import { CommandLineError } from '../command/command-line-error.js';
import { defineGroup } from '../command/spec.js';
import type { CommandSpec } from '../command/spec.js';
import { defineGenerator, pairsOf } from './generator.js';
import type { Made } from './generator.js';

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

/** `80`, `80:8080`, `80:http`. @throws CommandLineError */
export function parsePort(text: string): object {
  const [port = '', target = port] = text.split(':');
  if (!/^\d+$/.test(port) || Number(port) > 65_535)
    throw plain(`invalid port ${port}: must be between 0 and 65535`);
  return {
    name: text.replace(':', '-'),
    port: Number(port),
    protocol: 'TCP',
    targetPort: /^\d+$/.test(target) ? Number(target) : target,
  };
}

function serviceCommand(name: string, type: string, summary: string): CommandSpec {
  return defineGenerator({
    name,
    summary,
    usage: 'NAME [--tcp=PORT[:TARGET]]',
    examples: [
      ['for pods with the label app=web', `trireme create service ${name} web --tcp=80:8080`],
    ],
    flags: {
      tcp: {
        type: 'list',
        commas: true,
        value: 'PORT[:TARGET]',
        help: 'a port, and that of the pods',
      },
      ...(type === 'ClusterIP'
        ? {
            clusterip: {
              type: 'text',
              value: 'IP',
              help: 'the address; None is without one',
            } as const,
          }
        : {}),
      ...(type === 'NodePort'
        ? { 'node-port': { type: 'int', value: 'PORT', help: 'the port of the nodes' } as const }
        : {}),
    },
    make: (service, { flags }) => {
      const values = flags as Readonly<Record<string, unknown>>;
      const nodePort = values['node-port'] as number | undefined;
      const clusterIP = values['clusterip'] as string | undefined;
      if (flags.tcp.length === 0 && clusterIP !== 'None') {
        throw plain('at least one tcp port specifier must be provided');
      }
      const labels = { app: service };
      const ports = flags.tcp.map((text) => ({
        ...parsePort(text),
        ...(nodePort === undefined ? {} : { nodePort }),
      }));
      return {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { labels, name: service },
        spec: {
          ...(clusterIP === undefined ? {} : { clusterIP }),
          ...(ports.length === 0 ? {} : { ports }),
          selector: labels,
          type,
        },
        status: { loadBalancer: {} },
      } as Made;
    },
  });
}

const externalName = defineGenerator({
  name: 'externalname',
  summary: 'create a service that is another name',
  usage: 'NAME --external-name=HOST [--tcp=PORT[:TARGET]]',
  examples: [
    [
      'a name of a host elsewhere',
      'trireme create service externalname db --external-name=db.example',
    ],
  ],
  flags: {
    'external-name': { type: 'text', value: 'HOST', help: 'the name that it stands for' },
    tcp: { type: 'list', commas: true, value: 'PORT[:TARGET]', help: 'a port' },
  },
  make: (name, { flags }) => {
    if (flags['external-name'] === undefined)
      throw plain('required flag(s) "external-name" not set');
    const labels = { app: name };
    return {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { labels, name },
      spec: {
        externalName: flags['external-name'],
        ...(flags.tcp.length === 0 ? {} : { ports: flags.tcp.map(parsePort) }),
        selector: labels,
        type: 'ExternalName',
      },
      status: { loadBalancer: {} },
    } as Made;
  },
});

/** `trireme create service`. */
export const createService = defineGroup({
  name: 'service',
  aliases: ['svc'],
  summary: 'create a service',
  examples: [
    ['for pods with the label app=web', 'trireme create service clusterip web --tcp=80:8080'],
  ],
  subcommands: [
    serviceCommand('clusterip', 'ClusterIP', 'create a service with an address in the cluster'),
    serviceCommand('nodeport', 'NodePort', 'create a service with a port on every node'),
    serviceCommand('loadbalancer', 'LoadBalancer', 'create a service with an address outside'),
    externalName,
  ],
});

/** `host/path=service:port[,tls[=secret]]`. @throws CommandLineError */
export function parseIngressRule(rule: string): {
  readonly host: string;
  readonly path: object;
  readonly tls?: string;
} {
  const match = /^([^/=,]*)(\/[^=,]*)?=([^:,]+):([^,]+)(?:,tls(?:=([^,]*))?)?$/.exec(rule);
  if (match === null)
    throw plain(
      `rule ${rule} is invalid and should be in format host/path=svcname:svcport[,tls[=secret]]`,
    );
  const [, host = '', path = '', service, port = ''] = match;
  const isPrefix = path.endsWith('*');
  const target = /^\d+$/.test(port) ? { number: Number(port) } : { name: port };
  return {
    host,
    path: {
      backend: { service: { name: service, port: target } },
      ...(path === '' ? {} : { path: isPrefix ? path.slice(0, -1) : path }),
      pathType: isPrefix ? 'Prefix' : 'Exact',
    },
    ...(/,tls(?:=|$)/.test(rule) ? { tls: match[5] ?? '' } : {}),
  };
}

/** `trireme create ingress`. */
export const createIngress = defineGenerator({
  name: 'ingress',
  aliases: ['ing'],
  summary: 'create an ingress',
  usage: 'NAME --rule=HOST/PATH=SERVICE:PORT[,tls[=SECRET]]',
  examples: [
    ['all paths of a host', "trireme create ingress web --rule='web.example/*=web:80'"],
    ['with a certificate', "trireme create ingress web --rule='web.example/*=web:80,tls=site'"],
  ],
  flags: {
    rule: {
      type: 'list',
      value: 'RULE',
      help: 'HOST/PATH=SERVICE:PORT[,tls[=SECRET]]; a path that ends in * is a prefix',
    },
    class: { type: 'text', value: 'NAME', help: 'the ingress class' },
    'default-backend': { type: 'text', value: 'SERVICE:PORT', help: 'for what no rule matches' },
    annotation: { type: 'list', value: 'KEY=VALUE', help: 'an annotation' },
  },
  make: (name, { flags }) => {
    const rules = flags.rule.map(parseIngressRule);
    if (rules.length === 0 && flags['default-backend'] === undefined) {
      throw plain(
        'not enough information provided: every ingress has to either specify a default-backend (which catches all traffic) or a list of rules (which catch specific paths)',
      );
    }
    const hosts = [...new Set(rules.map(({ host }) => host))];
    const secrets = rules.filter((rule) => rule.tls !== undefined);
    const [service, port = ''] = (flags['default-backend'] ?? '').split(':');
    return {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: {
        ...(flags.annotation.length === 0
          ? {}
          : { annotations: pairsOf(flags.annotation, 'annotation') }),
        name,
      },
      spec: {
        ...(flags['default-backend'] === undefined
          ? {}
          : {
              defaultBackend: {
                service: {
                  name: service,
                  port: /^\d+$/.test(port) ? { number: Number(port) } : { name: port },
                },
              },
            }),
        ...(flags.class === undefined ? {} : { ingressClassName: flags.class }),
        ...(rules.length === 0
          ? {}
          : {
              rules: hosts.map((host) => ({
                ...(host === '' ? {} : { host }),
                http: { paths: rules.filter((rule) => rule.host === host).map(({ path }) => path) },
              })),
            }),
        ...(secrets.length === 0
          ? {}
          : {
              tls: secrets.map(({ host, tls }) => ({
                ...(host === '' ? {} : { hosts: [host] }),
                ...(tls === '' ? {} : { secretName: tls }),
              })),
            }),
      },
      status: { loadBalancer: {} },
    } as Made;
  },
});

/** `create service` and `create ingress`. */
import { goQuote } from '../../api/go-text/quote.js';
import { dnsSubdomain, portNameErrors, portNumberErrors } from '../../api/validation/names.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineGroup } from '../command/spec.js';
import type { CommandSpec } from '../command/spec.js';
import { defineGenerator } from './generator.js';
import type { Made } from './generator.js';

const portMax = 65_535;

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

/** The port of a service, as Go reads it. @throws CommandLineError in its words */
function portNumber(text: string): number {
  const why = !/^\d+$/.test(text)
    ? 'invalid syntax'
    : Number(text) > portMax
      ? 'value out of range'
      : undefined;
  if (why !== undefined) throw plain(`strconv.ParseUint: parsing ${goQuote(text)}: ${why}`);
  return Number(text);
}

/** `80`, `80:8080`, `80:http`. @throws CommandLineError */
export function parsePort(text: string): object {
  const [portText = '', target] = text.split(':');
  const port = portNumber(portText);
  return {
    name: text.replaceAll(':', '-'),
    port,
    protocol: 'TCP',
    targetPort: target === undefined ? port : targetOf(target),
  };
}

function targetOf(text: string): number | string {
  const isNumber = /^[+-]?\d+$/.test(text);
  const wrong = isNumber ? portNumberErrors(Number(text)) : portNameErrors(text);
  if (wrong.length > 0) throw plain(wrong.join(','));
  return isNumber ? Number(text) : text;
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
    if (dnsSubdomain(flags['external-name']).length > 0) {
      throw plain(`invalid service external name ${flags['external-name']}`);
    }
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

/** A service and its port, by its number or its name. */
function backendOf(service: string, port: string): object {
  const target = /^\d+$/.test(port) ? { number: Number(port) } : { name: port };
  return { service: { name: service, port: target } };
}

/** What follows is not looked at, and one word after a comma is always `tls`: so it is in kubectl. */
const ingressRule = /^(?<host>[\w.*-]*)(?<path>\/.*)=(?<service>[\w-]+):(?<port>[\w-]+)/;

/** `host/path=service:port[,tls[=secret]]`. @throws CommandLineError */
export function parseIngressRule(rule: string): {
  readonly host: string;
  readonly path: object;
  readonly tls?: string;
} {
  const match = ingressRule.exec(rule)?.groups;
  if (match === undefined) throw plain(ingressRuleText(rule));
  const { host = '', path = '', service = '', port = '' } = match;
  const [, tls, more] = rule.split(',');
  const isPrefix = path.endsWith('*');
  return {
    host,
    path: {
      backend: backendOf(service, port),
      path: isPrefix ? path.slice(0, -1) : path,
      pathType: isPrefix ? 'Prefix' : 'Exact',
    },
    ...(tls === undefined || more !== undefined ? {} : { tls: tls.split('=')[1] ?? '' }),
  };
}

const ingressRuleText = (rule: string): string =>
  `rule ${rule} is invalid and should be in format host/path=svcname:svcport[,tls[=secret]]`;

/** `key=value`, whose value may be empty. @throws CommandLineError */
function annotationsOf(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf('=');
      if (at < 0) throw plain(`annotation ${word} is invalid and should be in format key=[value]`);
      return [word.slice(0, at), word.slice(at + 1)];
    }),
  );
}

/** One entry for each secret, with all its hosts. */
function certificatesOf(
  rules: readonly { readonly host: string; readonly tls?: string }[],
): object[] {
  const hosts = new Map<string, Set<string>>();
  for (const { host, tls } of rules) {
    if (tls === undefined) continue;
    const known = hosts.get(tls) ?? new Set();
    hosts.set(tls, host === '' ? known : known.add(host));
  }
  return [...hosts].map(([secret, names]) => ({
    ...(names.size === 0 ? {} : { hosts: [...names] }),
    ...(secret === '' ? {} : { secretName: secret }),
  }));
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
    const certificates = certificatesOf(rules);
    const backend = flags['default-backend']?.split(':');
    if (backend !== undefined && backend.length !== 2) {
      throw plain('default-backend should be in format servicename:serviceport');
    }
    const [service = '', port = ''] = backend ?? [];
    return {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: {
        ...(flags.annotation.length === 0 ? {} : { annotations: annotationsOf(flags.annotation) }),
        name,
      },
      spec: {
        ...(backend === undefined ? {} : { defaultBackend: backendOf(service, port) }),
        ...((flags.class ?? '') === '' ? {} : { ingressClassName: flags.class }),
        ...(rules.length === 0
          ? {}
          : {
              rules: hosts.map((host) => ({
                ...(host === '' ? {} : { host }),
                http: { paths: rules.filter((rule) => rule.host === host).map(({ path }) => path) },
              })),
            }),
        ...(certificates.length === 0 ? {} : { tls: certificates }),
      },
      status: { loadBalancer: {} },
    } as Made;
  },
});

/** Services and ingresses that lead nowhere. Pure. */
import { isPodActive, isPodReady } from '../api/facts/pods.js';
import { matchesPairs } from '../api/facts/selectors.js';
import type { Pod, Secret, Service } from '../api/types/core.js';
import type {
  EndpointSlice,
  Ingress,
  IngressBackend,
  IngressClass,
} from '../api/types/networking.js';
import { explainDeletion } from './deletion.js';
import type { Finding } from './finding.js';
import { count, unwell, well, worst } from './finding.js';
import { podCauses } from './replicas.js';
import type { ClusterView } from './view.js';
import { nameOf } from './view.js';

/** Why a service has no ready endpoints. */
export function explainService(service: Service, view: ClusterView): Finding {
  const dying = explainDeletion(service, view);
  if (dying !== undefined) return dying;
  const about = nameOf(service);
  const { spec } = service;
  if (spec.type === 'ExternalName')
    return well(about, `is another name for ${spec.externalName ?? ''}`);
  const { selector = {} } = spec;
  if (Object.keys(selector).length === 0) return withoutSelector(service, view);
  const all = view.list<Pod>('pods', service.metadata.namespace).filter(isPodActive);
  const pods = all.filter(({ metadata }) => matchesPairs(selector, metadata.labels));
  const text = Object.entries(selector)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  if (pods.length === 0) return selectsNothing(about, service, text, all, view);
  const ports = unwell(portFindings(service, pods, view));
  const ready = pods.filter(isPodReady);
  const balancer = loadBalancer(service);
  const causes = [...ports, ...podCauses(pods, view), ...balancer];
  if (ready.length > 0 || spec.publishNotReadyAddresses === true) {
    const says = `leads to ${count(ready.length, 'ready pod')}${ready.length < pods.length ? ` of ${pods.length}` : ''}`;
    if (causes.length === 0) return well(about, says);
    return { about, level: worst(causes), says, causes };
  }
  return {
    about,
    level: 'problem',
    says: `has no ready endpoints: ${pods.length === 1 ? 'the only pod' : `none of the ${pods.length} pods`} that it selects (${text}) is ${pods.length === 1 ? 'not ' : ''}ready`,
    causes,
  };
}

function withoutSelector(service: Service, view: ClusterView): Finding {
  const about = nameOf(service);
  const { name, namespace } = service.metadata;
  const slices = view
    .list<EndpointSlice>('endpointslices', namespace)
    .filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === name);
  const endpoints = slices.flatMap(({ endpoints }) => endpoints ?? []);
  if (endpoints.length > 0)
    return well(
      about,
      `has no selector; somebody has named its ${count(endpoints.length, 'endpoint')}`,
    );
  return {
    about,
    level: 'problem',
    says: 'has no selector, and nobody has named its endpoints',
    mend: [
      {
        words: 'give it a selector',
        command: `trireme set selector service ${name}${view.flag(namespace)} KEY=VALUE`,
      },
    ],
  };
}

/** The labels that come nearest to a selector that matches no pod. */
function selectsNothing(
  about: string,
  service: Service,
  text: string,
  pods: readonly Pod[],
  view: ClusterView,
): Finding {
  const { name, namespace = '' } = service.metadata;
  const { selector = {} } = service.spec;
  const keys = Object.keys(selector);
  const nearest = pods
    .map((pod) => ({
      pod,
      hits: keys.filter((key) => pod.metadata.labels?.[key] === selector[key]).length,
      has: keys.filter((key) => pod.metadata.labels?.[key] !== undefined).length,
    }))
    .toSorted((a, b) => b.hits - a.hits || b.has - a.has)
    .find(({ has }) => has > 0);
  const labels =
    nearest === undefined
      ? []
      : keys.map((key) => {
          const value = nearest.pod.metadata.labels?.[key];
          return value === undefined ? `no ${key}` : `${key}=${value}`;
        });
  return {
    about,
    level: 'problem',
    says: `has no endpoints: its selector ${text} matches no pod in namespace ${namespace} (it has ${pods.length})`,
    details:
      nearest === undefined ? [] : [`nearest is ${nameOf(nearest.pod)}, with ${labels.join(', ')}`],
    mend: [
      nearest === undefined
        ? {
            words: 'start pods with these labels, or correct the selector',
            command: `trireme get pods${view.flag(namespace)} --show-labels`,
          }
        : {
            words: 'correct the selector, or the labels of the pods',
            command: `trireme set selector service ${name}${view.flag(namespace)} ${keys.map((key) => `${key}=${nearest.pod.metadata.labels?.[key] ?? selector[key] ?? ''}`).join(',')}`,
          },
    ],
  };
}

/** Ports of the service whose names no container has. */
function portFindings(
  { spec, metadata }: Service,
  pods: readonly Pod[],
  view: ClusterView,
): Finding[] {
  return (spec.ports ?? []).flatMap(({ port, targetPort, name }): Finding[] => {
    if (typeof targetPort !== 'string' || /^\d+$/.test(targetPort)) return [];
    const names = new Set(
      pods.flatMap(({ spec: { containers } }) =>
        containers.flatMap(({ ports = [] }) => ports.map((one) => one.name ?? '')),
      ),
    );
    if (names.has(targetPort)) return [];
    const known = [...names].filter((one) => one !== '');
    return [
      {
        about: `port ${name ?? port}`,
        level: 'problem',
        says: `leads to the container port named ${targetPort}, which its pods do not have`,
        details: [
          known.length === 0 ? 'their containers name no ports' : `they name ${known.join(', ')}`,
        ],
        mend: [
          {
            words: 'correct targetPort, or name the port of the container',
            command: `trireme edit service ${metadata.name}${view.flag(metadata.namespace)}`,
          },
        ],
      },
    ];
  });
}

function loadBalancer({ spec, status, metadata }: Service): Finding[] {
  if (spec.type !== 'LoadBalancer' || (status?.loadBalancer?.ingress ?? []).length > 0) return [];
  return [
    {
      about: 'load balancer',
      level: 'waiting',
      says: 'has no address: a cloud controller would give it one, and none does',
      since: metadata.creationTimestamp,
      details: [
        `until then it answers at its node ports ${(spec.ports ?? []).map(({ nodePort }) => nodePort ?? '').join(', ')}`,
      ],
    },
  ];
}

const classController = 'trireme.dev/ingress-controller';

/** Why an ingress does not lead to its services. */
export function explainIngress(ingress: Ingress, view: ClusterView): Finding {
  const dying = explainDeletion(ingress, view);
  if (dying !== undefined) return dying;
  const about = nameOf(ingress);
  const causes = [
    ...classFindings(ingress, view),
    ...backends(ingress, view),
    ...tls(ingress, view),
  ];
  const worstFirst = unwell(causes);
  if (worstFirst.length > 0)
    return {
      about,
      level: worst(worstFirst),
      says: 'does not lead where it should',
      causes: worstFirst,
    };
  const addresses = (ingress.status?.loadBalancer?.ingress ?? []).map(
    ({ ip, hostname }) => ip ?? hostname ?? '',
  );
  if (addresses.length === 0)
    return {
      about,
      level: 'waiting',
      says: 'has no address yet: its controller has not taken it up',
      since: ingress.metadata.creationTimestamp,
    };
  return well(about, `leads to ready pods, at ${addresses.join(', ')}`);
}

function classFindings(ingress: Ingress, view: ClusterView): Finding[] {
  const classes = view.list<IngressClass>('ingressclasses');
  if (!view.knows('ingressclasses')) return [];
  const flag = view.flag(ingress.metadata.namespace);
  const name =
    ingress.spec.ingressClassName ?? ingress.metadata.annotations?.['kubernetes.io/ingress.class'];
  const names = classes.map(({ metadata }) => metadata.name);
  const exist =
    names.length === 0
      ? 'there is no ingress class'
      : `there ${names.length === 1 ? 'is' : 'are'} ${names.join(', ')}`;
  const set = {
    words: 'name a class that exists',
    command: `trireme patch ingress ${ingress.metadata.name}${flag} --type=merge -p '{"spec":{"ingressClassName":"${names[0] ?? 'NAME'}"}}'`,
  };
  if (name === undefined) {
    const hasDefault = classes.some(
      ({ metadata }) =>
        metadata.annotations?.['ingressclass.kubernetes.io/is-default-class'] === 'true',
    );
    if (hasDefault || classes.length === 0) return [];
    return [
      {
        about: 'ingress class',
        level: 'problem',
        says: 'is not named, and none is the default',
        details: [exist],
        mend: [set],
      },
    ];
  }
  const found = classes.find(({ metadata }) => metadata.name === name);
  if (found === undefined) {
    return [
      {
        about: `ingressclass/${name}`,
        level: 'problem',
        says: 'does not exist',
        details: [exist],
        mend: [set],
      },
    ];
  }
  const { controller = '' } = found.spec ?? {};
  if (controller === classController || (ingress.status?.loadBalancer?.ingress ?? []).length > 0)
    return [];
  return [
    {
      about: `ingressclass/${name}`,
      level: 'waiting',
      says: `is served by ${controller}, which has not taken the ingress up`,
      mend: [{ words: `see whether ${controller} runs` }],
    },
  ];
}

/** The services behind each host and path. */
function backends(ingress: Ingress, view: ClusterView): Finding[] {
  const places: [string, IngressBackend][] = (ingress.spec.rules ?? []).flatMap(
    ({ host = '*', http }) =>
      (http?.paths ?? []).map(({ path = '/', backend }): [string, IngressBackend] => [
        `${host}${path}`,
        backend,
      ]),
  );
  if (ingress.spec.defaultBackend !== undefined)
    places.push(['default backend', ingress.spec.defaultBackend]);
  if (places.length === 0)
    return [{ about: 'rules', level: 'problem', says: 'there are none: it leads nowhere' }];
  const seen = new Set<string>();
  return places.flatMap(([place, backend]): Finding[] => {
    const { name = '', port } = backend.service ?? {};
    const key = `${name} ${port?.name ?? port?.number ?? ''}`;
    if (name === '' || seen.has(key)) return [];
    seen.add(key);
    const { namespace } = ingress.metadata;
    const service = view
      .list<Service>('services', namespace)
      .find(({ metadata }) => metadata.name === name);
    if (service === undefined) {
      if (!view.knows('services', namespace)) return [];
      return [
        {
          about: `service/${name}`,
          level: 'problem',
          says: `does not exist, and ${place} leads to it`,
          mend: [
            {
              words: 'make it, or correct its name in the ingress',
              command: `trireme expose deployment NAME --name=${name} --port=${port?.number ?? 80}${view.flag(namespace)}`,
            },
          ],
        },
      ];
    }
    const ports = service.spec.ports ?? [];
    const isPort = ports.some((one) =>
      port?.name === undefined ? one.port === port?.number : one.name === port.name,
    );
    if (!isPort) {
      const has = ports
        .map((one) => (one.name === undefined ? String(one.port) : `${one.port} (${one.name})`))
        .join(', ');
      return [
        {
          about: `service/${name}`,
          level: 'problem',
          says: `has no port ${port?.name ?? port?.number ?? ''}, to which ${place} leads`,
          details: [`it has ${has}`],
          mend: [
            {
              words: 'correct the port in the ingress',
              command: `trireme edit ingress ${ingress.metadata.name}${view.flag(namespace)}`,
            },
          ],
        },
      ];
    }
    return [explainService(service, view)];
  });
}

function tls(ingress: Ingress, view: ClusterView): Finding[] {
  const { namespace } = ingress.metadata;
  return (ingress.spec.tls ?? []).flatMap(({ secretName = '', hosts = [] }): Finding[] => {
    if (secretName === '') return [];
    const secret = view.get<Secret>('secrets', namespace, secretName);
    const about = `secret/${secretName}`;
    const make = {
      words: 'make it',
      command: `trireme create secret tls ${secretName}${view.flag(namespace)} --cert=tls.crt --key=tls.key`,
    };
    if (secret === null) {
      return [
        {
          about,
          level: 'problem',
          says: `does not exist, and TLS of ${hosts.join(', ') || 'the ingress'} needs it`,
          mend: [make],
        },
      ];
    }
    if (secret === undefined) return [];
    const lacks = ['tls.crt', 'tls.key'].filter((key) => secret.data?.[key] === undefined);
    if (lacks.length === 0) return [];
    return [{ about, level: 'problem', says: `has no ${lacks.join(' and ')}`, mend: [make] }];
  });
}

/** Images that cannot be had. Pure. */
import type { Container, Pod } from '../api/types/core.js';
import type { Finding, Mend } from './finding.js';
import { changeTemplate } from './targets.js';
import type { ClusterView } from './view.js';

/** Reasons of a waiting container that are about its image. */
export const imageReasons = new Set([
  'ImagePullBackOff',
  'ErrImagePull',
  'InvalidImageName',
  'ErrImageNeverPull',
  'ImageInspectError',
  'RegistryUnavailable',
]);

/** What registries and the resolver say, and what it means; the first that matches counts. */
const meanings: readonly (readonly [RegExp, string, 'name' | 'credentials' | 'registry'])[] = [
  [
    /insufficient_scope|pull access denied|may require authorization/i,
    'the registry has no such image, or does not let us read it',
    'credentials',
  ],
  [
    /unauthorized|authorization failed|authentication required|no basic auth|denied|403 forbidden/i,
    'the registry does not let us read it',
    'credentials',
  ],
  [
    /not ?found|manifest unknown|name unknown|does not exist/i,
    'the registry has no such image',
    'name',
  ],
  [
    /no such host|name resolution|server misbehaving/i,
    "the registry's name cannot be resolved",
    'registry',
  ],
  [
    /refused|timeout|timed out|deadline exceeded|no route to host|unreachable|network is|EOF\b/i,
    'the registry cannot be reached',
    'registry',
  ],
  [/x509|certificate|tls/i, "the registry's certificate is not trusted", 'registry'],
  [
    /toomanyrequests|429|rate limit/i,
    'the registry takes no more requests from us for now',
    'credentials',
  ],
  [
    /no match for platform|no matching manifest/i,
    "the image is not made for the node's processor",
    'name',
  ],
  [/no space left/i, "the node's disk is full", 'registry'],
];

/** Why a container's image is not there. @param waiting of the container's state */
export function explainImage(
  pod: Pod,
  container: Pick<Container, 'name' | 'image'>,
  waiting: { readonly reason?: string | undefined; readonly message?: string | undefined },
  view: ClusterView,
): Finding {
  const { image = '' } = container;
  const { reason = '' } = waiting;
  const message = waiting.message ?? view.lastEvent(pod, 'Failed')?.message ?? '';
  const about = `image ${image}`;
  const anotherImage = changeTemplate(pod, view, 'image', `${container.name}=IMAGE`);
  const correct: Mend = {
    words: 'correct the name or the tag of the image',
    command:
      anotherImage ??
      `trireme set image pod ${pod.metadata.name}${view.flag(pod.metadata.namespace)} ${container.name}=IMAGE`,
  };
  if (reason === 'InvalidImageName') {
    return {
      about,
      level: 'problem',
      says: 'is not a name of an image',
      details: [message],
      mend: [correct],
    };
  }
  if (reason === 'ErrImageNeverPull') {
    return {
      about,
      level: 'problem',
      says: 'is not on the node, and imagePullPolicy is Never',
      mend: [
        {
          words: `put it on node ${pod.spec.nodeName ?? ''}, or let it be pulled (imagePullPolicy: IfNotPresent)`,
        },
      ],
    };
  }
  const [, says = 'cannot be pulled', kind = 'name'] =
    meanings.find(([pattern]) => pattern.test(message)) ?? [];
  const mends: Readonly<Record<typeof kind, readonly Mend[]>> = {
    name: [correct],
    credentials: [correct, pullSecret(pod, view)],
    registry: [
      {
        words: `see whether node ${pod.spec.nodeName ?? ''} reaches the registry (DNS, proxy, firewall); pulling is tried again by itself`,
      },
    ],
  };
  return {
    about,
    level: 'problem',
    says,
    details: message === '' ? [] : [message],
    mend: mends[kind],
  };
}

function pullSecret(pod: Pod, view: ClusterView): Mend {
  const { namespace } = pod.metadata;
  const names = (pod.spec.imagePullSecrets ?? []).map(({ name }) => name ?? '');
  const missing = names.find((name) => view.get('secrets', namespace, name) === null);
  const words =
    missing !== undefined
      ? `its pull secret ${missing} does not exist; make it`
      : names.length > 0
        ? `see whether its pull secret (${names.join(', ')}) holds the right login`
        : 'give the pod a pull secret (spec.imagePullSecrets)';
  const name = missing ?? 'registry-login';
  return {
    words,
    command: `trireme create secret docker-registry ${name}${view.flag(namespace)} --docker-server=SERVER --docker-username=USER --docker-password=PASSWORD`,
  };
}

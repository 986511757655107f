/** Objects that a controller cannot make: what the API server refused them for. Pure. */
import type { KubeObject } from '../api/object.js';
import type { Event } from '../api/types/core.js';
import { parseQuantity } from '../api/quantity.js';
import type { Finding, Mend } from './finding.js';
import type { ClusterView } from './view.js';
import { eventTime } from './view.js';

/** A refusal in the API server's words, taken apart. */
type Reader = (match: RegExpExecArray, place: Place) => Finding;

interface Place {
  readonly namespace: string | undefined;
  readonly flag: string;
  readonly view: ClusterView;
}

const editTemplate: Mend = { words: 'correct the template of the workload' };

const readers: readonly (readonly [RegExp, Reader])[] = [
  [/exceeded quota: (\S+), requested: (.*), used: (.*), limited: (.*)$/, quota],
  [
    /failed quota: (\S+): (must specify .*)$/,
    ([, name = '', text = ''], { flag }) => ({
      about: `resourcequota/${name}`,
      level: 'problem',
      says: `limits what pods use, so each container has to say it: it ${text}`,
      mend: [
        {
          words:
            'state them in the template (trireme set resources …), or give the namespace defaults by a LimitRange',
          command: `trireme describe resourcequota ${name}${flag}`,
        },
      ],
    }),
  ],
  [
    /admission webhook "([^"]+)" denied the request:? ?(.*)$/,
    ([, name = '', text = ''], { view }) => ({
      about: `webhook ${name}`,
      level: 'problem',
      says: 'denies it',
      details: text === '' || text === 'without explanation' ? [] : [text],
      mend: [{ words: 'do what it asks for, or change its rules', ...editWebhook(name, view) }],
    }),
  ],
  [
    /failed calling webhook "([^"]+)": (?:failed to call webhook: )?(.*)$/,
    ([, name = '', text = ''], { view }) => ({
      about: `webhook ${name}`,
      level: 'problem',
      says: 'must be asked and does not answer',
      details: [text],
      mend: [
        {
          words: 'bring its service back, or let requests pass without it (failurePolicy: Ignore)',
          ...editWebhook(name, view),
        },
      ],
    }),
  ],
  [
    /ValidatingAdmissionPolicy '([^']+)' with binding '([^']+)' denied request: (.*)$/,
    ([, name = '', binding = '', text = '']) => ({
      about: `validatingadmissionpolicy/${name}`,
      level: 'problem',
      says: `denies it (binding ${binding})`,
      details: [text],
      mend: [
        {
          words: 'do what the policy asks for, or change it',
          command: `trireme describe validatingadmissionpolicy ${name}`,
        },
      ],
    }),
  ],
  [
    /violates PodSecurity "([^":]+)[^"]*": (.*)$/,
    ([, level = '', text = ''], { namespace = '' }) => ({
      about: `namespace/${namespace}`,
      level: 'problem',
      says: `enforces the Pod Security level ${level}, which the pod does not meet`,
      details: text.split(/(?<=\)), /).map((part) => part.trim()),
      mend: [
        editTemplate,
        {
          words: 'or lower the level of the namespace, for all of its pods',
          command: `trireme label namespace ${namespace} --overwrite pod-security.kubernetes.io/enforce=${level === 'restricted' ? 'baseline' : 'privileged'}`,
        },
      ],
    }),
  ],
  [
    /(?:maximum|minimum) (\S+) usage per (\S+) is ([^,.]+).*$/,
    ([text = '', , ,], { flag, view, namespace }) => ({
      about: `limitrange/${view.list('limitranges', namespace)[0]?.metadata.name ?? ''}`,
      level: 'problem',
      says: 'bounds what pods of the namespace may ask for',
      details: [text],
      mend: [
        editTemplate,
        { words: 'or change the range', command: `trireme edit limitrange${flag}` },
      ],
    }),
  ],
  [
    /error looking up service account \S+: serviceaccount "([^"]+)" not found/,
    ([, name = ''], { flag }) => ({
      about: `serviceaccount/${name}`,
      level: 'problem',
      says: 'does not exist, and the pods run as it',
      mend: [{ words: 'make it', command: `trireme create serviceaccount ${name}${flag}` }],
    }),
  ],
  [
    /no PriorityClass with name (\S+) was found/,
    ([, name = '']) => ({
      about: `priorityclass/${name}`,
      level: 'problem',
      says: 'does not exist, and the pods name it',
      mend: [{ words: 'make it', command: `trireme create priorityclass ${name} --value=1000` }],
    }),
  ],
];

/** The command that opens the configuration of a webhook. */
function editWebhook(name: string, view: ClusterView): { command?: string } {
  const types = ['validatingwebhookconfigurations', 'mutatingwebhookconfigurations'];
  for (const type of types) {
    const found = view
      .list<KubeObject & { webhooks?: { name?: string }[] }>(type)
      .find(({ webhooks = [] }) => webhooks.some((hook) => hook.name === name));
    if (found !== undefined) {
      return { command: `trireme edit ${type.slice(0, -1)} ${found.metadata.name}` };
    }
  }
  return {};
}

/** Why objects cannot be made, from an error of the API server. */
export function explainRefusal(
  message: string,
  namespace: string | undefined,
  view: ClusterView,
): Finding {
  const place: Place = { namespace, flag: view.flag(namespace), view };
  for (const [pattern, read] of readers) {
    const match = pattern.exec(message);
    if (match !== null) return read(match, place);
  }
  return {
    about: 'API server',
    level: 'problem',
    says: 'refuses it',
    details: [message.replace(/^Error creating: /, '')],
  };
}

function quota(
  [, name = '', requested = '', used = '', limited = '']: RegExpExecArray,
  { flag }: Place,
): Finding {
  const [asks, has, may] = [requested, used, limited].map(pairs);
  const details = Object.keys(asks ?? {}).map((resource) => {
    const [ask = '0', is = '0', bound = '0'] = [asks?.[resource], has?.[resource], may?.[resource]];
    return `${resource}: ${ask} asked for, ${difference(bound, is)} left of ${bound} (${is} used)`;
  });
  return {
    about: `resourcequota/${name}`,
    level: 'problem',
    says: 'leaves no room for it',
    details,
    mend: [
      {
        words: 'ask for less, free some of it, or raise the quota',
        command: `trireme edit resourcequota ${name}${flag}`,
      },
    ],
  };
}

function difference(total: string, used: string): string {
  const [a, b] = [parseQuantity(total), parseQuantity(used)];
  return a === undefined || b === undefined ? 'less' : a.subtract(b).toString();
}

/** `a=1,b=2`. */
function pairs(text: string): Record<string, string> {
  return Object.fromEntries(
    text
      .split(',')
      .map((pair) => pair.split('='))
      .filter((pair) => pair.length === 2),
  ) as Record<string, string>;
}

/** The latest failure of a controller to make something for its object; undefined when it has gone well since. */
export function failedCreation(object: KubeObject, view: ClusterView): Finding | undefined {
  const failed = view.lastEvent(object, 'FailedCreate', 'ReplicaSetCreateError');
  if (failed === undefined) return undefined;
  const done = view.lastEvent(object, 'SuccessfulCreate');
  if (done !== undefined && eventTime(done) > eventTime(failed)) return undefined;
  return refusalEvent(failed, object, view);
}

function refusalEvent(event: Event, { metadata }: KubeObject, view: ClusterView): Finding {
  const finding = explainRefusal(event.message ?? '', metadata.namespace, view);
  return { ...finding, since: finding.since ?? event.firstTimestamp ?? eventTime(event) };
}

/**
 * Golden scripts of `trireme why`: a comment that says what is wrong, the objects of a cluster, a command line, `----`,
 * what it prints, an empty line. Each situation has a cluster of its own, with the objects of {@link everyCluster}.
 *
 * An object is `KIND NAME {fields}`, over more lines if those after the first are indented. `labels`, `owner`
 * (`ReplicaSet/web-7c`) and `deleted` are short for their fields of metadata; `Event KIND/NAME {…}` is an event of that
 * object; `@5m` is the time five minutes ago.
 */
import { parse } from 'yaml';
import { builtInKinds } from '../../../api/kinds.js';
import type { KindDeclaration } from '../../../api/kind.js';
import { formatTime } from '../../../api/facts/time.js';
import type { KubeObject } from '../../../api/object.js';
import { FakeCluster } from '../../testkit/fake-cluster.js';
import { runLine, transcriptMs } from '../../testkit/transcript.js';

const everyCluster = `
Namespace default {status: {phase: Active}}
ServiceAccount default {}
StorageClass standard {provisioner: trireme.dev/local-path, volumeBindingMode: WaitForFirstConsumer}
IngressClass trireme {spec: {controller: trireme.dev/ingress-controller}}
Node node-1 {status: {allocatable: {cpu: "4", memory: 8Gi, pods: "110"}, conditions: [{type: Ready, status: "True"}]}}
Node node-2 {status: {allocatable: {cpu: "2", memory: 4Gi, pods: "110"}, conditions: [{type: Ready, status: "True"}]}}
`;

interface Fields {
  metadata?: Partial<KubeObject['metadata']>;
  labels?: Record<string, string>;
  owner?: string;
  deleted?: string;
}

const minutes = { s: 1 / 60, m: 1, h: 60, d: 24 * 60 } as const;

/** `@5m` is five minutes before the time of the transcripts. */
function withTimes(text: string): string {
  return text.replaceAll(/@(\d+)([smhd])\b/g, (_, number: string, unit: keyof typeof minutes) =>
    JSON.stringify(formatTime(transcriptMs - Number(number) * minutes[unit] * 60_000)),
  );
}

function kindNamed(name: string): KindDeclaration {
  const found = builtInKinds.find(({ kind }) => kind === name);
  if (found === undefined) throw new TypeError(`no kind ${name}`);
  return found;
}

const uidOf = (kind: string, name: string): string => `${kind}-${name}`;

/** The object of one command of a script. */
function objectOf(text: string): { readonly kind: KindDeclaration; readonly object: KubeObject } {
  const brace = text.indexOf('{');
  const [kindName = '', name = ''] = text.slice(0, brace).trim().split(/\s+/);
  const { labels, owner, deleted, metadata, ...rest } = parse(
    withTimes(text.slice(brace)),
  ) as Fields;
  const kind = kindNamed(kindName);
  const { group, version } = kind;
  const [ownerKind = '', ownerName = ''] = (owner ?? '').split('/');
  const isEvent = kindName === 'Event';
  const [involvedKind = '', involvedName = ''] = name.split('/');
  const object = {
    apiVersion: group === '' ? version : `${group}/${version}`,
    kind: kindName,
    metadata: {
      ...(kind.namespaced ? { namespace: 'default' } : {}),
      name: isEvent ? '' : name,
      ...(isEvent ? { generateName: `${involvedName}.` } : {}),
      uid: isEvent ? undefined : uidOf(kindName, name),
      creationTimestamp: formatTime(transcriptMs - 10 * 60_000),
      ...(labels === undefined ? {} : { labels }),
      ...(deleted === undefined ? {} : { deletionTimestamp: deleted }),
      ...(owner === undefined ? {} : { ownerReferences: [ownerReference(ownerKind, ownerName)] }),
      ...metadata,
    },
    ...(isEvent
      ? {
          involvedObject: {
            kind: involvedKind,
            name: involvedName,
            uid: uidOf(involvedKind, involvedName),
          },
          type: 'Warning',
        }
      : {}),
    ...(kindName === 'Node' ? { spec: {} } : {}),
    ...rest,
  };
  return { kind, object: JSON.parse(JSON.stringify(object)) as KubeObject };
}

function ownerReference(kind: string, name: string): object {
  const { group, version } = kindNamed(kind);
  const apiVersion = group === '' ? version : `${group}/${version}`;
  return { apiVersion, kind, name, uid: uidOf(kind, name), controller: true };
}

async function put(cluster: FakeCluster, text: string): Promise<void> {
  const { kind, object } = objectOf(text);
  const id = { group: kind.group, version: kind.version, resource: kind.plural };
  const { metadata } = object;
  // A script may say otherwise what every cluster has.
  await cluster.api.delete(id, { ...metadata }, { gracePeriodSeconds: 0 }).catch(() => undefined);
  await cluster.api.create(id, object);
}

/** The commands of a text: a line with those that are indented after it. */
function commandsOf(text: string): string[] {
  const commands: string[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith(' ')) commands.push(`${commands.pop() ?? ''}\n${line}`);
    else if (line !== '' && !line.startsWith('#')) commands.push(line);
  }
  return commands;
}

/** Runs one situation. @returns what its command printed */
async function play(text: string): Promise<string> {
  const cluster = new FakeCluster();
  let printed = '';
  for (const command of [...commandsOf(everyCluster), ...commandsOf(text)]) {
    if (command.startsWith('$ ')) printed += await runLine(command.slice(2), cluster);
    else await put(cluster, command);
  }
  return printed;
}

/** Runs a script. @returns it as it should read */
export async function runScript(text: string): Promise<string> {
  const situations = text.split(/\n(?=# )/);
  const played: string[] = [];
  for (const situation of situations) {
    const at = situation.indexOf('\n----\n');
    const input = at < 0 ? situation.trimEnd() : situation.slice(0, at);
    played.push(
      at < 0 && !input.includes('\n$ ') ? situation : `${input}\n----\n${await play(input)}`,
    );
  }
  return played.join('\n');
}

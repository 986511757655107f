/** What users do on the worker meanwhile: pods of many kinds, which come, change and go, and note their starts. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Prng } from '../../src/lib/prng.js';
import type { Machines } from './machine.js';

/** Notes the start of a container by its pod's uid and its own name. */
function noted(name: string, command: string): string {
  return `: noted; echo "$UID_OF_POD ${name}" >>/notes/starts; ${command}`;
}

function container(name: string, command: string, more: object = {}): object {
  return {
    name,
    image: 'busybox:latest',
    imagePullPolicy: 'IfNotPresent',
    command: ['sh', '-c', noted(name, command)],
    env: [
      { name: 'UID_OF_POD', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } },
      { name: 'NAME_OF_CONTAINER', value: name },
    ],
    volumeMounts: [{ name: 'notes', mountPath: '/notes' }],
    ...more,
  };
}

const serves = 'echo ok >/tmp/ok; exec httpd -f -p 8080 -h /tmp';
const readinessProbe = { httpGet: { path: '/ok', port: 8080 }, periodSeconds: 1 };
const livenessProbe = {
  exec: { command: ['test', '-e', '/tmp/ok'] },
  periodSeconds: 5,
  timeoutSeconds: 10,
};

export class Workload {
  readonly #machine: Machines;
  readonly #random: Prng;
  readonly #podsMax: number;
  #once = 0;

  constructor(machine: Machines, random: Prng, podsMax: number) {
    this.#machine = machine;
    this.#random = random;
    this.#podsMax = podsMax;
  }

  /** The first objects. @throws Error with kubectl's words */
  begin(): void {
    const third = Math.max(1, Math.floor(this.#podsMax / 3));
    this.#apply(
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'words' }, data: { a: 'b' } },
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'secret' }, stringData: { a: 'b' } },
      service('web'),
      service('pair'),
      {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'NetworkPolicy',
        metadata: { name: 'web' },
        spec: {
          podSelector: { matchLabels: { app: 'web' } },
          ingress: [{ ports: [{ port: 8080 }] }],
        },
      },
      this.#deployment('web', third, {
        initContainers: [container('first', 'true')],
        containers: [
          container('web', serves, {
            readinessProbe,
            volumeMounts: [
              { name: 'notes', mountPath: '/notes' },
              { name: 'words', mountPath: '/words' },
              { name: 'secret', mountPath: '/secret' },
              { name: 'memory', mountPath: '/memory' },
              { name: 'cache', mountPath: '/cache', subPath: 'below' },
            ],
          }),
        ],
        volumes: [
          { name: 'words', configMap: { name: 'words' } },
          { name: 'secret', secret: { secretName: 'secret' } },
          { name: 'memory', emptyDir: { medium: 'Memory' } },
          { name: 'cache', emptyDir: {} },
        ],
      }),
      this.#deployment('pair', third, {
        initContainers: [container('side', 'exec sleep 100000', { restartPolicy: 'Always' })],
        containers: [
          container('main', serves, { readinessProbe, livenessProbe }),
          container('other', 'trap "exit 0" TERM; sleep 100000 & wait'),
        ],
        shareProcessNamespace: true,
      }),
    );
  }

  /** One thing that a user does. */
  act(): string {
    const random = this.#random;
    switch (random.below(6)) {
      case 0:
      case 1: {
        const name = random.pick(['web', 'pair']);
        const replicas = random.between(0, Math.floor(this.#podsMax / 2));
        this.#machine.kubectl(['scale', 'deployment', name, `--replicas=${replicas}`]);
        return `scale ${name} to ${replicas}`;
      }
      case 2: {
        const name = random.pick(['web', 'pair']);
        this.#machine.kubectl(['rollout', 'restart', 'deployment', name]);
        return `restart ${name}`;
      }
      case 3: {
        const pods = this.#names();
        if (pods.length === 0) return 'nothing to delete';
        const pod = random.pick(pods);
        const how = random.pick(['--grace-period=0', '--grace-period=1', '--grace-period=3']);
        const force = how.endsWith('=0') ? ['--force'] : [];
        this.#machine.kubectl(['delete', pod, how, '--wait=false', ...force]);
        return `delete ${pod} ${how}`;
      }
      default:
        return this.#runOnce();
    }
  }

  /** A pod that must not run a second time, whatever becomes of it. */
  #runOnce(): string {
    const name = `once-${++this.#once}`;
    const seconds = this.#random.below(4);
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, labels: { app: 'once' } },
      spec: this.#spec({
        restartPolicy: 'Never',
        initContainers: [container('before', 'true')],
        containers: [container('main', `sleep ${seconds}; exit 3`)],
      }),
    };
    this.#machine.kubectl(['apply', '-f', '-'], JSON.stringify(pod));
    return `run ${name} for ${seconds} s`;
  }

  /** How many shall run in the end. */
  settle(): void {
    for (const name of ['web', 'pair']) {
      this.#machine.kubectl(['scale', 'deployment', name, '--replicas=3']);
    }
  }

  /** Deletes all that was made here. */
  end(): void {
    for (const what of ['deployment', 'service', 'networkpolicy', 'pod']) {
      const all = what === 'service' ? ['web', 'pair'] : ['--all'];
      this.#machine.kubectl(['delete', what, ...all, '--wait=false']);
    }
  }

  /** The starts that pods have noted: how many by `uid container`. */
  starts(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const line of this.#notes('starts')) counts.set(line, (counts.get(line) ?? 0) + 1);
    return counts;
  }

  #notes(name: string): string[] {
    const file = join(this.#machine.notes, name);
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
  }

  #names(): string[] {
    return this.#machine.kubectl(['get', 'pods', '-o', 'name']).out.split('\n').filter(Boolean);
  }

  #spec(spec: { readonly volumes?: readonly object[] } & Record<string, unknown>): object {
    const notes = { name: 'notes', hostPath: { path: this.#machine.notes } };
    return { terminationGracePeriodSeconds: 1, ...spec, volumes: [notes, ...(spec.volumes ?? [])] };
  }

  #deployment(name: string, replicas: number, spec: Record<string, unknown>): object {
    const labels = { app: name };
    return {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name },
      spec: {
        replicas,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: this.#spec(spec) },
      },
    };
  }

  #apply(...objects: readonly object[]): void {
    const text = objects.map((object) => JSON.stringify(object)).join('\n---\n');
    const { code, err } = this.#machine.kubectl(['apply', '-f', '-'], text);
    if (code !== 0) throw new Error(err);
  }
}

function service(app: string): object {
  const spec = { selector: { app }, ports: [{ port: 80, targetPort: 8080 }] };
  return { apiVersion: 'v1', kind: 'Service', metadata: { name: app }, spec };
}

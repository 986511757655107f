/**
 * A namespaced user with `edit` asks for pods that reach beyond their namespace: what Pod Security levels,
 * RuntimeClasses and the validation of fields must refuse, at a running API server.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { join } from 'node:path';
import type { ApiserverHarness } from '../cluster/apiserver-harness.js';
import { canRun, startHarness } from '../cluster/apiserver-harness.js';
import type { Rest } from './admin-rest.js';
import { adminRest } from './admin-rest.js';

const suite = canRun ? describe : describe.skip;

const configuration = {
  apiVersion: 'apiserver.config.k8s.io/v1',
  kind: 'AdmissionConfiguration',
  plugins: [
    {
      name: 'PodSecurity',
      configuration: {
        apiVersion: 'pod-security.admission.config.k8s.io/v1',
        kind: 'PodSecurityConfiguration',
        exemptions: {
          usernames: ['trusted'],
          namespaces: ['exempt'],
          runtimeClasses: ['sandboxed'],
        },
      },
    },
  ],
};

const label = 'pod-security.kubernetes.io/';

function pod(name: string, spec: object = {}): object {
  const containers = [{ name: 'a', image: 'x' }];
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { containers, ...spec } };
}

const escape = {
  containers: [{ name: 'a', image: 'x', securityContext: { privileged: true } }],
  volumes: [{ name: 'root', hostPath: { path: '/' } }],
};
const baselineText =
  'hostPath volumes (volume "root"), privileged (container "a" must not set securityContext.privileged=true)';
const hardened = {
  securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
  containers: [
    {
      name: 'a',
      image: 'x',
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    },
  ],
};

suite('what a pod may ask for', () => {
  let server: ApiserverHarness;
  let rest: Rest;
  const home = mkdtempSync(join(tmpdir(), 'trireme-pod-security-'));
  const auditFile = join(home, 'audit.log');

  beforeAll(async () => {
    const file = join(home, 'admission.json');
    writeFileSync(file, JSON.stringify(configuration));
    server = await startHarness({
      'admission-control-config-file': file,
      'audit-log-path': auditFile,
    });
    rest = adminRest(server);
    await namespace('open', {});
    await namespace('strict', { enforce: 'restricted' });
    await namespace('base', { enforce: 'baseline', 'enforce-version': 'v1.30' });
    await namespace('exempt', {});
  }, 60_000);

  afterAll(async () => {
    await server.stop();
    rmSync(home, { recursive: true, force: true });
  }, 30_000);

  async function namespace(name: string, levels: Record<string, string>): Promise<void> {
    const labels = Object.fromEntries(
      Object.entries(levels).map(([key, value]) => [label + key, value]),
    );
    const made = await rest('POST', '/api/v1/namespaces', { metadata: { name, labels } });
    expect(made.code).toBe(201);
    const path = `/api/v1/namespaces/${name}/serviceaccounts`;
    expect((await rest('POST', path, { metadata: { name: 'default' } })).code).toBe(201);
  }

  const pods = (space: string): string => `/api/v1/namespaces/${space}/pods`;

  describe('Pod Security levels', () => {
    test('a privileged pod with a host path is refused, with the text of Kubernetes', async () => {
      const answer = await rest('POST', pods('strict'), pod('escape', escape));
      expect(answer.code).toBe(403);
      expect(answer.body).toMatchObject({
        reason: 'Forbidden',
        message:
          'pods "escape" is forbidden: violates PodSecurity "restricted:latest": privileged (container "a" must not set securityContext.privileged=true), ' +
          'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false), ' +
          'unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]), ' +
          'restricted volume types (volume "root" uses restricted volume type "hostPath"), ' +
          'runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true), ' +
          'seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
        details: { name: 'escape', kind: 'pods' },
      });
      const base = await rest('POST', pods('base'), pod('escape', escape));
      expect(base.body.message).toBe(
        `pods "escape" is forbidden: violates PodSecurity "baseline:v1.30": ${baselineText}`,
      );
    });

    test('a pod that keeps to the level is let in, and without a level so is the other', async () => {
      const fine = await rest('POST', pods('strict'), pod('fine', hardened));
      expect([fine.code, fine.warnings]).toEqual([201, []]);
      const open = await rest('POST', pods('open'), pod('escape', escape));
      expect([open.code, open.warnings]).toEqual([201, []]);
    });

    test('a dry run and server-side apply are judged alike', async () => {
      const dry = await rest('POST', `${pods('base')}?dryRun=All`, pod('escape', escape));
      expect(dry.code).toBe(403);
      const apply = await rest(
        'PATCH',
        `${pods('base')}/escape?fieldManager=me`,
        pod('escape', escape),
        { 'content-type': 'application/apply-patch+yaml' },
      );
      expect(apply.code).toBe(403);
    });

    test('ephemeral containers are judged; a change of labels is not', async () => {
      const path = `${pods('strict')}/fine`;
      const debug = { name: 'debug', image: 'x', securityContext: { privileged: true } };
      const answer = await rest('PATCH', `${path}/ephemeralcontainers`, {
        spec: { ephemeralContainers: [debug] },
      });
      expect(answer.code).toBe(403);
      expect(answer.body.message).toContain(
        'violates PodSecurity "restricted:latest": privileged (container "debug" must not set',
      );
      await namespace('later', {});
      expect((await rest('POST', pods('later'), pod('old', escape))).code).toBe(201);
      await rest('PATCH', '/api/v1/namespaces/later', {
        metadata: { labels: { [`${label}enforce`]: 'baseline' } },
      });
      const labelled = await rest('PATCH', `${pods('later')}/old`, {
        metadata: { labels: { a: 'b' } },
      });
      expect(labelled.code).toBe(200);
      const image = await rest('PATCH', `${pods('later')}/old`, {
        spec: { containers: [{ name: 'a', image: 'y' }] },
      });
      expect(image.body.message).toContain('violates PodSecurity "baseline:latest"');
    });

    test.each([
      ['/apis/apps/v1', 'deployments', 'Deployment'],
      ['/apis/apps/v1', 'replicasets', 'ReplicaSet'],
      ['/apis/apps/v1', 'statefulsets', 'StatefulSet'],
      ['/apis/apps/v1', 'daemonsets', 'DaemonSet'],
      ['/apis/batch/v1', 'jobs', 'Job'],
      ['/apis/batch/v1', 'cronjobs', 'CronJob'],
      ['/api/v1', 'replicationcontrollers', 'ReplicationController'],
      ['/api/v1', 'podtemplates', 'PodTemplate'],
    ])('%s/%s is warned of and let in', async (group, plural, kind) => {
      const labels = { app: 'a' };
      const restartPolicy = group.includes('batch') ? { restartPolicy: 'Never' } : {};
      const template = { metadata: { labels }, spec: { ...escape, ...restartPolicy } };
      const metadata = { name: 'w' };
      const plain = plural === 'replicationcontrollers' ? labels : { matchLabels: labels };
      const selector = group.includes('batch') ? {} : { selector: plain };
      const spec =
        kind === 'CronJob'
          ? { schedule: '* * * * *', jobTemplate: { spec: { template } } }
          : { ...selector, template, ...(kind === 'StatefulSet' ? { serviceName: 's' } : {}) };
      const object = kind === 'PodTemplate' ? { metadata, template } : { metadata, spec };
      const answer = await rest('POST', `${group}/namespaces/base/${plural}`, object);
      expect(answer.body.message).toBeUndefined();
      expect(answer.code).toBe(201);
      expect(answer.warnings).toEqual([
        `would violate PodSecurity "baseline:v1.30": ${baselineText}`,
      ]);
    });

    test('the audit log says which level was asked for, what violates, and who was exempt', async () => {
      await namespace('noted', { enforce: 'baseline', audit: 'restricted' });
      const id = `audit-${process.pid}`;
      const post = async (space: string, spec: object): Promise<Record<string, string>> => {
        const headers = { 'user-agent': `${id}-${space}` };
        await rest('POST', `${pods(space)}?dryRun=All`, pod('n', spec), headers);
        const lines = (): { userAgent: string; annotations: Record<string, string> }[] =>
          readFileSync(auditFile, 'utf8')
            .split('\n')
            .filter(Boolean)
            .map(
              (line) =>
                JSON.parse(line) as { userAgent: string; annotations: Record<string, string> },
            );
        for (;;) {
          const found = lines().find(({ userAgent }) => userAgent === `${id}-${space}`);
          if (found !== undefined) return found.annotations;
          // The line is written after the answer.
          await pause(10);
        }
      };
      const noted = await post('noted', escape);
      expect(noted[`${label}enforce-policy`]).toBe('baseline:latest');
      expect(noted[`${label}audit-violations`]).toContain(
        'would violate PodSecurity "restricted:latest": privileged (container "a" must not set',
      );
      expect((await post('exempt', escape))[`${label}exempt`]).toBe('namespace');
      expect((await post('strict', hardened))[`${label}enforce-policy`]).toBe('restricted:latest');
    });

    test('users, namespaces and runtime classes of the configuration are exempt', async () => {
      const trusted = { 'impersonate-user': 'trusted', 'impersonate-group': 'system:masters' };
      const user = await rest('POST', `${pods('base')}?dryRun=All`, pod('e', escape), trusted);
      expect(user.code).toBe(201);
      const handler = { metadata: { name: 'sandboxed' }, handler: 'sandboxed' };
      expect((await rest('POST', '/apis/node.k8s.io/v1/runtimeclasses', handler)).code).toBe(201);
      const classed = pod('e', { ...escape, runtimeClassName: 'sandboxed' });
      expect((await rest('POST', `${pods('base')}?dryRun=All`, classed)).code).toBe(201);
      const patch = { metadata: { labels: { [`${label}enforce`]: 'baseline' } } };
      const exempt = await rest('PATCH', '/api/v1/namespaces/exempt', patch);
      expect(exempt.warnings).toEqual([
        'namespace "exempt" is exempt from Pod Security, and the policy (enforce=baseline:latest) will be ignored',
      ]);
      expect((await rest('POST', pods('exempt'), pod('e', escape))).code).toBe(201);
    });
  });

  describe('labels of namespaces', () => {
    test('those that cannot be read are refused', async () => {
      const labels = { [`${label}enforce`]: 'hard', [`${label}warn-version`]: '1.30' };
      const answer = await rest('POST', '/api/v1/namespaces', { metadata: { name: 'n', labels } });
      expect(answer.code).toBe(422);
      expect(answer.body.message).toBe(
        'Namespace "n" is invalid: [metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "hard": must be one of privileged, baseline, restricted, ' +
          'metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "1.30": must be "latest" or "v1.x"]',
      );
      const patch = { metadata: { labels: { [`${label}enforce`]: '' } } };
      expect((await rest('PATCH', '/api/v1/namespaces/open', patch)).code).toBe(422);
    });

    test('a stricter level warns of the pods that are there', async () => {
      const patch = { metadata: { labels: { [`${label}enforce`]: 'baseline' } } };
      const answer = await rest('PATCH', '/api/v1/namespaces/open', patch);
      expect(answer.code).toBe(200);
      expect(answer.warnings).toEqual([
        'existing pods in namespace "open" violate the new PodSecurity enforce level "baseline:latest"',
        'escape: hostPath volumes, privileged',
      ]);
    });
  });

  describe('RuntimeClasses', () => {
    test('one that does not exist is refused', async () => {
      const answer = await rest('POST', pods('open'), pod('r', { runtimeClassName: 'absent' }));
      expect(answer.code).toBe(403);
      expect(answer.body.message).toBe(
        'pods "r" is forbidden: pod rejected: RuntimeClass "absent" not found',
      );
    });

    test('overhead and places come from the class, and only from there', async () => {
      const made = await rest('POST', '/apis/node.k8s.io/v1/runtimeclasses', {
        metadata: { name: 'heavy' },
        handler: 'heavy',
        overhead: { podFixed: { cpu: '250m' } },
        scheduling: {
          nodeSelector: { heavy: 'yes' },
          tolerations: [{ key: 'heavy', operator: 'Exists' }],
        },
      });
      expect(made.code).toBe(201);
      const path = `${pods('open')}?dryRun=All`;
      const heavy = { runtimeClassName: 'heavy' };
      const answer = await rest('POST', path, pod('h', heavy));
      expect(answer.body['spec']).toMatchObject({
        overhead: { cpu: '250m' },
        nodeSelector: { heavy: 'yes' },
        tolerations: expect.arrayContaining([{ key: 'heavy', operator: 'Exists' }]),
      });
      const messages = [];
      for (const spec of [
        { ...heavy, overhead: { cpu: '1' } },
        { ...heavy, nodeSelector: { heavy: 'no' } },
        { overhead: { cpu: '1' } },
      ]) {
        messages.push((await rest('POST', path, pod('h', spec))).body.message);
      }
      expect(messages).toEqual([
        `pods "h" is forbidden: pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead`,
        'pods "h" is forbidden: conflict: runtimeClass.scheduling.nodeSelector[heavy] = yes; pod.spec.nodeSelector[heavy] = no',
        'pods "h" is forbidden: pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead',
      ]);
    });
  });

  describe('fields', () => {
    const long = { name: 'a', image: 'x' };
    const addressText = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
    const services = '/api/v1/namespaces/open/services';
    const policies = '/apis/networking.k8s.io/v1/namespaces/open/networkpolicies';

    test.each<readonly [string, object, string]>([
      [
        'lines in host aliases',
        { hostAliases: [{ ip: '1.1.1.1\n6.6.6.6 x' }] },
        'spec.hostAliases[0].ip',
      ],
      [
        'lines in search domains',
        { dnsConfig: { searches: ['a\nnameserver 6.6.6.6'] } },
        'spec.dnsConfig.searches[0]',
      ],
      [
        'a seccomp profile elsewhere',
        {
          securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: '../../x' } },
        },
        'spec.securityContext.seccompProfile.localhostProfile',
      ],
      [
        'a sysctl that is a path',
        { securityContext: { sysctls: [{ name: '../../x', value: '1' }] } },
        'spec.securityContext.sysctls[0].name',
      ],
      [
        'mounts that reach the node',
        {
          containers: [
            {
              ...long,
              volumeMounts: [{ name: 'v', mountPath: '/v', mountPropagation: 'Bidirectional' }],
            },
          ],
          volumes: [{ name: 'v', emptyDir: {} }],
        },
        'spec.containers[0].volumeMounts.mountPropagation',
      ],
      [
        'a bare /proc',
        { containers: [{ ...long, securityContext: { procMount: 'Unmasked' } }] },
        'spec.containers[0].securityContext.procMount',
      ],
      [
        'a Windows pod with privileges',
        {
          os: { name: 'windows' },
          containers: [{ ...long, securityContext: { privileged: true } }],
        },
        'spec.containers[0].securityContext.privileged',
      ],
      [
        'a token elsewhere',
        {
          volumes: [
            { name: 'v', projected: { sources: [{ serviceAccountToken: { path: '../../x' } }] } },
          ],
        },
        'spec.volumes[0].projected.path',
      ],
    ])('%s', async (_name, spec, field) => {
      const answer = await rest('POST', `${pods('open')}?dryRun=All`, pod('f', spec));
      expect([answer.code, answer.body.details?.causes?.[0]?.field]).toEqual([422, field]);
    });

    test('a level asks less of Windows pods, which therefore cannot have what it asks about', async () => {
      const windows = { ...hardened, os: { name: 'windows' } };
      expect((await rest('POST', pods('strict'), pod('w', windows))).code).toBe(422);
    });

    test.each<readonly [string, object, string]>([
      ['no exception', { except: ['10.1.0.0/16 -j ACCEPT'] }, 'must be a valid CIDR value'],
      [
        'one outside of the block',
        { except: ['11.0.0.0/16'] },
        'must be a strict subset of `cidr`',
      ],
    ])('network policies with %s', async (_name, block, text) => {
      const ipBlock = { cidr: '10.0.0.0/8', ...block };
      const spec = { podSelector: {}, ingress: [{ from: [{ ipBlock }] }] };
      const answer = await rest('POST', policies, { metadata: { name: 'n' }, spec });
      expect(answer.code).toBe(422);
      expect(answer.body.message).toContain(
        `spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: ${JSON.stringify(block['except' as keyof typeof block][0])}: ${text}`,
      );
    });

    test('services take no address of the machine, and no port for health checks that is not theirs', async () => {
      const ports = [{ port: 80 }];
      const post = async (spec: object): Promise<string | undefined> =>
        (await rest('POST', services, { metadata: { name: 's' }, spec: { ports, ...spec } })).body
          .message;
      expect(await post({ externalIPs: ['127.0.0.1'] })).toContain('may not be in the loopback');
      expect(await post({ externalIPs: ['169.254.169.254'] })).toContain('link-local range');
      expect(await post({ externalIPs: ['1.1.1.1\n'] })).toContain(addressText);
      expect(await post({ healthCheckNodePort: 22 })).toContain(
        "spec.healthCheckNodePort: Invalid value: 22: may only be set when `type` is 'LoadBalancer'",
      );
      const local = { type: 'LoadBalancer', externalTrafficPolicy: 'Local' };
      expect(await post({ ...local, healthCheckNodePort: 22 })).toBe(
        'Internal error occurred: failed to allocate requested HealthCheck NodePort 22: ' +
          'provided port is not in the valid range. The range of valid ports is 30000-32767',
      );
      expect(await post({ ...local, healthCheckNodePort: 30_555 })).toBeUndefined();
    });
  });

  describe('proxied requests', () => {
    test.each([
      ['127.0.0.1'],
      ['169.254.169.254'],
      ['0.0.0.0'],
      ['::1'],
      ['fe80::1'],
      ['metadata.internal'],
      [''],
    ])('never go to %j, whatever a pod says of itself', async (podIP) => {
      await rest('POST', '/api/v1/nodes', { metadata: { name: 'n1' } });
      await rest('POST', pods('open'), pod('proxied', { nodeName: 'n1' }));
      const patch = { status: { podIP, podIPs: [{ ip: podIP }], hostIP: '10.0.0.1' } };
      await rest('PATCH', `${pods('open')}/proxied/status`, patch);
      const answer = await rest('GET', `${pods('open')}/proxied:8080/proxy/`);
      expect([answer.code, answer.body.message]).toEqual([400, 'address not allowed']);
    });
  });
});

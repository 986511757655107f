/** Priority and fairness with real clients: one that floods is refused, and another of the same level is served. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import * as https from 'node:https';
import { join } from 'node:path';
import type { KubeObject } from '../../src/api/object.js';
import { delay, systemClock } from '../../src/lib/clock.js';
import type { ApiserverHarness } from './apiserver-harness.js';
import { canRun, startHarness } from './apiserver-harness.js';

const clock = systemClock();
const floodWidth = 200;
const gentleRequests = 60;
const maps = '/api/v1/namespaces/default/configmaps';
const apiVersion = 'flowcontrol.apiserver.k8s.io/v1';

/** Three seats, and queues for eight requests of one flow. */
const level = {
  kind: 'PriorityLevelConfiguration',
  apiVersion,
  metadata: { name: 'narrow' },
  spec: {
    type: 'Limited',
    limited: {
      nominalConcurrencyShares: 1,
      borrowingLimitPercent: 0,
      limitResponse: { type: 'Queue', queuing: { queues: 16, handSize: 2, queueLengthLimit: 4 } },
    },
  },
};
const schema = {
  kind: 'FlowSchema',
  apiVersion,
  metadata: { name: 'narrow' },
  spec: {
    priorityLevelConfiguration: { name: 'narrow' },
    matchingPrecedence: 600,
    distinguisherMethod: { type: 'ByUser' },
    rules: [
      {
        subjects: ['flood', 'gentle'].map((name) => ({
          kind: 'ServiceAccount',
          serviceAccount: { namespace: 'default', name },
        })),
        resourceRules: [
          { verbs: ['list'], apiGroups: [''], resources: ['configmaps'], namespaces: ['default'] },
        ],
      },
    ],
  },
};

interface Answer {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

(canRun ? describe : describe.skip)('priority and fairness', () => {
  let server: ApiserverHarness;
  let agent: https.Agent;
  const tokens = new Map<string, string>();

  const kubectl = (args: string, input = ''): { code: number; out: string; err: string } =>
    server.kubectl(args.split(' '), input);

  function list(account: string): Promise<Answer> {
    const headers = { authorization: `Bearer ${tokens.get(account) ?? ''}` };
    return new Promise((resolve, reject) => {
      const sent = https.get(`${server.url}${maps}`, { agent, headers }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () =>
          resolve({ code: response.statusCode ?? 0, headers: response.headers, text }),
        );
      });
      sent.on('error', reject);
    });
  }

  beforeAll(async () => {
    server = await startHarness();
    const ca = readFileSync(join(server.pki, 'ca.crt'));
    agent = new https.Agent({ ca, keepAlive: true, maxSockets: floodWidth + 1 });
    for (const object of [level, schema]) {
      const made = kubectl('create -f -', JSON.stringify(object));
      if (made.code !== 0) throw new Error(made.err);
    }
    for (const name of ['flood', 'gentle']) {
      kubectl(`create serviceaccount ${name}`);
      kubectl(`create rolebinding ${name} --clusterrole=view --serviceaccount=default:${name}`);
      tokens.set(name, kubectl(`create token ${name}`).out.trim());
    }
    while ((await list('gentle')).code !== 200) await delay(clock, 100);
  }, 90_000);

  afterAll(async () => {
    agent?.destroy();
    await server?.stop();
  }, 30_000);

  test('the objects that a cluster starts with are there, and print as they do', () => {
    const schemas = kubectl('get flowschemas').out;
    expect(schemas).toMatch(
      /^NAME +PRIORITYLEVEL +MATCHINGPRECEDENCE +DISTINGUISHERMETHOD +AGE +MISSINGPL\n/,
    );
    expect(schemas).toMatch(/^exempt +exempt +1 +<none> +\S+ +False$/m);
    expect(schemas).toMatch(/^system-node-high +node-high +400 +ByUser +\S+ +False$/m);
    const levels = kubectl('get prioritylevelconfigurations').out;
    expect(levels).toMatch(
      /^NAME +TYPE +NOMINALCONCURRENCYSHARES +QUEUES +HANDSIZE +QUEUELENGTHLIMIT +AGE\n/,
    );
    expect(levels).toMatch(/^exempt +Exempt +0 +<none> +<none> +<none> +\S+$/m);
    expect(levels).toMatch(/^workload-low +Limited +100 +128 +6 +50 +\S+$/m);
    const patched = kubectl(
      'patch flowschema exempt --type=merge -p {"spec":{"matchingPrecedence":2}}',
    );
    expect(patched.err).toContain("spec of 'exempt' must equal the fixed value");
  });

  test('answers name the FlowSchema and the level', async () => {
    const uidOf = (kind: string): string =>
      (JSON.parse(kubectl(`get ${kind} narrow -o json`).out) as KubeObject).metadata.uid ?? '';
    const { headers } = await list('gentle');
    expect(headers['x-kubernetes-pf-flowschema-uid']).toBe(uidOf('flowschema'));
    expect(headers['x-kubernetes-pf-prioritylevel-uid']).toBe(uidOf('prioritylevelconfiguration'));
  });

  test('a client that floods is refused, and starves nobody', async () => {
    const flood: Answer[] = [];
    const state = { isOver: false };
    const flooding = Array.from({ length: floodWidth }, async () => {
      while (!state.isOver) flood.push(await list('flood'));
    });
    const gentle: number[] = [];
    for (let request = 0; request < gentleRequests; request++) {
      gentle.push((await list('gentle')).code);
    }
    state.isOver = true;
    await Promise.all(flooding);
    expect(gentle).toEqual(gentle.map(() => 200));
    const refused = flood.filter(({ code }) => code === 429);
    const served = flood.filter(({ code }) => code === 200);
    expect(flood).toHaveLength(refused.length + served.length);
    expect(refused.length).toBeGreaterThan(floodWidth);
    expect(served.length).toBeGreaterThan(0);
    expect(refused[0]?.headers['retry-after']).toBe('1');
    expect(refused[0]?.text).toBe('Too many requests, please try again later.\n');
    const metrics = kubectl('get --raw /metrics').out;
    expect(metrics).toMatch(
      /apiserver_flowcontrol_rejected_requests_total\{priority_level="narrow",flow_schema="narrow",reason="queue-full"\} [1-9]/,
    );
  }, 60_000);
});

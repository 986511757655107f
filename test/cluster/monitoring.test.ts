/**
 * Prometheus scrapes every component of a cluster, with the example's account and configuration, and answers every
 * query of the example's dashboard.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { copyFileSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parse, stringify } from 'yaml';
import { delay, systemClock } from '../../src/lib/clock.js';
import { freePorts, hasProgram } from './etcd-processes.js';
import { SmallCluster } from './lib/small-cluster.js';

const clock = systemClock();
const patienceMs = 90_000;
const basePort = 27_760;
const folder = 'examples/monitoring';
const isRunnable = hasProgram('prometheus') && hasProgram('kubectl');

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web' },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [
      {
        name: 'main',
        image: 'host',
        command: ['sleep', '1000'],
        readinessProbe: { exec: { command: ['true'] }, periodSeconds: 1 },
        livenessProbe: { exec: { command: ['false'] }, periodSeconds: 1, failureThreshold: 1000 },
      },
    ],
  },
};

/** Waits for ever, so that the scheduler has one that no node takes. */
const nowhere = {
  ...pod,
  metadata: { name: 'nowhere' },
  spec: { ...pod.spec, nodeSelector: { no: 'node' } },
};

interface Scrape {
  job_name: string;
  static_configs: { targets: string[] }[];
  tls_config?: Record<string, string>;
  [field: string]: unknown;
}

/** Queries without an answer while nothing has gone wrong, or on a cluster of one. */
const maybeEmpty = /code=~"5|rejected_requests|operations_errors|peer_round_trip/;

(isRunnable ? describe : describe.skip)('Prometheus', () => {
  let cluster: SmallCluster;
  let prometheus: ChildProcess | undefined;
  let port = 0;
  const directory = mkdtempSync(join(tmpdir(), 'trireme-prometheus-'));

  const kubectl = (args: readonly string[], input = ''): string => {
    const env = { ...process.env, KUBECONFIG: cluster.kubeconfig, NODE_OPTIONS: '' };
    return spawnSync('kubectl', [...args], { env, input, encoding: 'utf8' }).stdout;
  };

  async function api<T>(path: string): Promise<T | undefined> {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`);
      const { data } = (await response.json()) as { data: T };
      return data;
    } catch {
      return undefined;
    }
  }

  async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
    const endMs = clock.monotonicMs() + patienceMs;
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      if (clock.monotonicMs() > endMs) throw new Error(`not in time: ${what}`);
      await delay(clock, 500);
    }
  }

  /** The example's configuration with this cluster's ports and files. */
  function configuration(): string {
    const text = readFileSync(`${folder}/prometheus.yml`, 'utf8');
    const { scrape_configs: jobs } = parse(text) as { scrape_configs: Scrape[] };
    const at: Readonly<Record<string, number>> = {
      'trireme-apiserver': 0,
      'trireme-scheduler': 6,
      'trireme-controller-manager': 7,
      'trireme-store': 2,
      'trireme-netproxy': 8,
    };
    const ours = jobs.map((job) => {
      const isWorker = at[job.job_name] === undefined;
      const port = basePort + (at[job.job_name] ?? 4);
      return {
        ...job,
        // A worker at a master's own address has no certificate for that address.
        ...(isWorker && { tls_config: { ...job.tls_config, server_name: 'worker-1' } }),
        static_configs: [{ targets: [`127.0.0.1:${port}`] }],
      };
    });
    // Rates over five minutes need two scrapes, whenever they were.
    return stringify({
      global: { scrape_interval: '1s', scrape_timeout: '1s' },
      scrape_configs: ours,
    });
  }

  beforeAll(async () => {
    cluster = await SmallCluster.start(basePort);
    kubectl(['apply', '-f', `${folder}/access.yaml`]);
    for (const one of [pod, nowhere]) kubectl(['create', '-f', '-'], JSON.stringify(one));
    const path = ['get', 'secret', 'trireme-metrics', '-o', 'jsonpath={.data.token}'];
    const token = await until('the token', async () => {
      const found = kubectl(['-n', 'kube-system', ...path]);
      return found === '' ? undefined : Buffer.from(found, 'base64').toString();
    });
    const pki = join(dirname(cluster.kubeconfig), 'pki');
    writeFileSync(join(directory, 'token'), token);
    for (const [from, to] of [
      ['ca.crt', 'ca.crt'],
      ['etcd-ca.crt', 'etcd-ca.crt'],
      ['apiserver-etcd-client.crt', 'etcd-client.crt'],
      ['apiserver-etcd-client.key', 'etcd-client.key'],
    ] as const) {
      copyFileSync(join(pki, from), join(directory, to));
    }
    writeFileSync(join(directory, 'prometheus.yml'), configuration());
    [port = 0] = await freePorts(1);
    const log = openSync(join(directory, 'log'), 'w');
    prometheus = spawn(
      'prometheus',
      [
        `--config.file=${join(directory, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(directory, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: ['ignore', log, log] },
    );
  }, 2 * patienceMs);

  afterAll(async () => {
    if (prometheus !== undefined && prometheus.exitCode === null) {
      const ended = new Promise((resolve) => prometheus?.once('exit', resolve));
      prometheus.kill('SIGTERM');
      await ended;
    }
    await cluster?.stop();
    rmSync(directory, { recursive: true, force: true });
  }, patienceMs);

  interface Target {
    readonly labels: { readonly job: string };
    readonly health: string;
    readonly lastError: string;
  }

  test(
    'reads every component',
    async () => {
      const jobs = parse(readFileSync(`${folder}/prometheus.yml`, 'utf8')) as {
        scrape_configs: Scrape[];
      };
      let seen: string[] = [];
      await until('all targets are up', async () => {
        const targets = await api<{ activeTargets: Target[] }>('targets');
        seen = (targets?.activeTargets ?? [])
          .map(({ labels, health, lastError }) => `${labels.job} ${health} ${lastError}`.trim())
          .toSorted();
        const isUp = seen.length > 0 && seen.every((line) => line.endsWith(' up'));
        return isUp ? true : undefined;
      }).catch(() => undefined);
      expect(seen).toEqual(jobs.scrape_configs.map(({ job_name }) => `${job_name} up`).toSorted());
    },
    2 * patienceMs,
  );

  test(
    'answers the queries of the dashboard',
    async () => {
      await until('two scrapes of a probe', async () => {
        const query = encodeURIComponent('rate(prober_probe_total[5m]) > 0');
        const found = await api<{ result: unknown[] }>(`query?query=${query}`);
        return (found?.result.length ?? 0) > 1 ? true : undefined;
      });
      const { panels } = JSON.parse(readFileSync(`${folder}/grafana-dashboard.json`, 'utf8')) as {
        panels: { targets?: { expr: string; legendFormat: string }[] }[];
      };
      const queries = panels.flatMap(({ targets = [] }) => targets);
      const silent: string[] = [];
      for (const { expr, legendFormat } of queries) {
        const ask = async (): Promise<readonly { metric: Record<string, string> }[]> => {
          const query = `query?query=${encodeURIComponent(expr)}`;
          const data = await api<{ result: { metric: Record<string, string> }[] }>(query);
          return data?.result ?? [];
        };
        let result = await ask();
        // Some rates begin with the second scrape after the first change.
        if (result.length === 0 && !maybeEmpty.test(expr)) {
          await until(expr, async () => {
            result = await ask();
            return result.length > 0 ? true : undefined;
          }).catch(() => undefined);
        }
        if (result.length === 0 && !maybeEmpty.test(expr)) silent.push(expr);
        const wanted = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
        for (const label of wanted) {
          if (result.length > 0 && result.every(({ metric }) => metric[label] === undefined)) {
            silent.push(`${expr}: no label ${label}`);
          }
        }
      }
      expect(silent).toEqual([]);
    },
    2 * patienceMs,
  );

  test('may not read more than metrics', async () => {
    const token = readFileSync(join(directory, 'token'), 'utf8');
    const ask = (at: number, path: string, method = 'GET'): number => {
      const words = ['-sk', '-o', '/dev/null', '-w', '%{http_code}', '-X', method, '-d', '5'];
      const url = `https://127.0.0.1:${basePort + at}${path}`;
      const run = spawnSync('curl', [...words, '-H', `Authorization: Bearer ${token}`, url], {
        encoding: 'utf8',
      });
      return Number(run.stdout);
    };
    const [server, agent, scheduler, controllers] = [0, 4, 6, 7];
    for (const at of [server, agent, scheduler, controllers]) {
      expect(ask(at, '/debug/flags/v', 'PUT')).toBe(403);
    }
    expect(ask(agent, '/pods')).toBe(403);
    expect(ask(agent, '/stats/summary')).toBe(403);
    expect(ask(server, '/api/v1/nodes/worker-1/proxy/metrics')).toBe(403);
    expect([scheduler, controllers].map((at) => ask(at, '/healthz'))).toEqual([200, 200]);
  });

  test('of the administrator: nodes behind the API, and the level of a log', () => {
    const raw = (...words: string[]): string => kubectl(words);
    const path = '/api/v1/nodes/worker-1/proxy';
    expect(raw('get', '--raw', `${path}/metrics`)).toContain(
      'kubelet_node_name{node="worker-1"} 1\n',
    );
    expect(raw('get', '--raw', `${path}/healthz`)).toBe('ok');
    expect(raw('get', '--raw', `${path}/metrics/resource`)).toContain('resource_scrape_error 0\n');
    expect(raw('get', '--raw', `${path}/pods`)).toContain('"kind":"PodList"');
    expect(raw('get', '--raw', `${path}/stats/summary`)).toContain('"nodeName":"worker-1"');
    const set = (at: string): string => kubectl(['replace', '--raw', at, '-f', '-'], '5');
    for (const at of ['/debug/flags/v', `${path}/debug/flags/v`]) {
      expect(set(at)).toBe('successfully set klog.logging to 5');
    }
  });
});

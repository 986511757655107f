/** The dashboard in a real browser, on a real cluster whose leader is killed. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { systemClock } from '../../src/lib/clock.js';
import { Cluster, describeUnless, eventually, whyNoContainers } from './lib.js';

const chromiumPath = '/usr/bin/chromium';
const reason =
  whyNoContainers() ??
  (existsSync(chromiumPath) ? undefined : `there is no ${chromiumPath} (Debian's chromium)`);
const describeHere = describeUnless(reason);
/** A directory in which to leave pictures of the pages; empty: none are taken. */
const pictures = process.env['DASHBOARD_PICTURES'] ?? '';

const flags = ['--masters=3', '--workers=1', '--no-example'];
const steps = ['heartbeat lost', 'pre-vote', 'candidate', 'votes', 'leader', 'first commit'];
const patience = { timeout: 60_000 };

let cluster: Cluster;
let browser: Browser;
let page: Page;
let token: string;
/** What the browser complained about: policies broken, scripts failed. */
const complaints: string[] = [];

/** What would run in a page that takes text for markup. */
const hostile = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>';

const objects = `
apiVersion: v1
kind: ServiceAccount
metadata: { name: me, namespace: kube-system }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: me }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin }
subjects: [{ kind: ServiceAccount, name: me, namespace: kube-system }]
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: counter }
spec:
  selector: { matchLabels: { app: counter } }
  template:
    metadata: { labels: { app: counter } }
    spec:
      containers:
        - name: main
          image: busybox:latest
          imagePullPolicy: IfNotPresent
          command: [sh, -c, 'echo "$HOSTILE"; n=0; while true; do n=$((n+1)); echo "line $n"; sleep 1; done']
          env: [{ name: HOSTILE, value: '${hostile}' }]
          ports: [{ containerPort: 8080 }]
---
apiVersion: v1
kind: Event
metadata: { name: counter.hostile, namespace: default, annotations: { note: '${hostile}' } }
involvedObject: { kind: Service, name: counter, namespace: default }
type: Warning
reason: Hostile
message: '${hostile}'
lastTimestamp: '${new Date().toISOString().slice(0, 19)}Z'
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: broken, annotations: { note: '${hostile}' } }
spec:
  selector: { matchLabels: { app: broken } }
  template:
    metadata: { labels: { app: broken } }
    spec:
      containers:
        - name: main
          image: busybox:latest
          imagePullPolicy: IfNotPresent
          command: [sleep, infinity]
          envFrom: [{ configMapRef: { name: nowhere } }]
---
apiVersion: v1
kind: Service
metadata: { name: counter, annotations: { note: '${hostile}' } }
spec: { selector: { app: counter }, ports: [{ port: 80, targetPort: 8080 }] }
`;

/** The address of a master that does not lead: it stays when the leader is killed. */
async function followerAddress(): Promise<string> {
  const leader = await cluster.leader();
  const follower = ['master-1', 'master-2', 'master-3'].find((name) => name !== leader) ?? '';
  return `https://${cluster.host(follower).address}:6443/ui/`;
}

async function picture(name: string): Promise<void> {
  if (pictures === '') return;
  mkdirSync(pictures, { recursive: true });
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: join(pictures, `${name}-${colorScheme}.png`) });
  }
}

/** Follows a link to a page, which pages of objects have beside those to their own parts. */
function open(name: string): Promise<void> {
  const pages = page.getByRole('navigation', { name: 'Pages' });
  return pages.getByRole('link', { name, exact: true }).click();
}

function openPart(name: string): Promise<void> {
  const parts = page.getByRole('navigation', { name: /^Parts of/ });
  return parts.getByRole('link', { name, exact: true }).click();
}

describeHere('the dashboard', () => {
  beforeAll(async () => {
    cluster = await Cluster.create();
    const up = await cluster.up(flags);
    if (up.code !== 0) throw new Error(`up failed: ${up.stderr}`);
    const applied = await cluster.kubectl(['apply', '-f', '-'], objects);
    if (applied.code !== 0) throw new Error(applied.stderr);
    await cluster.get('rollout', 'status', 'deployment/counter', '--timeout=19s');
    token = await cluster.get('create', 'token', 'me', '-n', 'kube-system');
    browser = await chromium.launch({
      executablePath: chromiumPath,
      // As root it has no sandbox of its own; the pages are ours.
      args: ['--no-sandbox'],
    });
    const context = await browser.newContext({
      ignoreHTTPSErrors: true,
      viewport: { width: 1280, height: 860 },
    });
    page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      const text = message.text();
      if (message.type() === 'error' && !text.startsWith('Failed to load')) complaints.push(text);
    });
  }, 400_000);

  afterAll(async () => {
    await browser?.close();
    await cluster?.down();
  }, 150_000);

  test('takes a token, and no nonsense', async () => {
    await page.goto(await followerAddress());
    const field = page.getByLabel('Token', { exact: true });
    await field.fill('nonsense');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page
      .getByRole('alert')
      .getByText('The token was not taken: Unauthorized.')
      .waitFor(patience);
    await picture('sign-in');
    await field.fill(`Authorization: Bearer ${token}\n`);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page
      .getByText(/3 of 3 masters answer; master-\d leads/)
      .first()
      .waitFor(patience);
    expect(await page.getByText('system:serviceaccount:kube-system:me').count()).toBe(1);
    expect(page.url()).not.toContain(token);
    const kept = await page.evaluate(
      'JSON.stringify([{ ...localStorage }, { ...sessionStorage }])',
    );
    expect(kept).toBe('[{},{}]');
  }, 120_000);

  test('shows the members, and the election when the leader is killed', async () => {
    const leader = await cluster.leader();
    const masters = page.getByRole('region', { name: 'Masters' });
    await masters.getByRole('row', { name: new RegExp(`${leader} leader`) }).waitFor(patience);
    process.kill(cluster.host(leader).pid, 'SIGKILL');
    await page
      .getByText(new RegExp(`2 of 3 masters answer; master-\\d leads`))
      .first()
      .waitFor(patience);
    await masters.getByRole('row', { name: new RegExp(`${leader} silent`) }).waitFor(patience);
    const newest = page.locator('.election').first();
    await newest.getByText(new RegExp(`${leader} → master-\\d`)).waitFor(patience);
    for (const step of steps) await newest.getByText(step, { exact: true }).waitFor(patience);
    await newest.getByText('controllers', { exact: true }).waitFor(patience);
    await newest.getByText('scheduler', { exact: true }).waitFor(patience);
    await picture('cluster');
    const again = await cluster.up(flags);
    expect(again.code).toBe(0);
    await page
      .getByText(/3 of 3 masters answer/)
      .first()
      .waitFor(patience);
  }, 240_000);

  test('follows a log, and searches it', async () => {
    await open('Pods');
    await page.getByLabel('Namespace').selectOption('default');
    await page.getByRole('link', { name: /^counter-/ }).click();
    await page.getByText('Running').first().waitFor(patience);
    await picture('pod');
    await openPart('Logs');
    const log = page.getByRole('region', { name: 'Log of main' });
    const last = async (): Promise<number> =>
      Number(/line (\d+)\s*$/.exec(await log.innerText())?.[1] ?? 0);
    const first = await eventually('the log has lines', async () => (await last()) || undefined);
    await eventually('it goes on', async () => ((await last()) > first + 1 ? true : undefined));
    await page.getByLabel('Lines with').fill('LINE 1');
    await eventually('other lines are hidden', async () =>
      /^(?:line 1\d*\n?)+$/.test(await log.innerText()) ? true : undefined,
    );
  }, 120_000);

  test('runs a command in a shell', async () => {
    await openPart('Shell');
    await page.getByRole('button', { name: 'Open a shell' }).click();
    const screen = page.locator('.xterm-rows');
    await screen.getByText(/[#$]/).first().waitFor(patience);
    await page.keyboard.type('ls -d /proc/1 && echo so$((20+3))\n');
    await eventually('the command has answered', async () =>
      /\/proc\/1[^]*so23/.test(await screen.innerText()) ? true : undefined,
    );
    await picture('shell');
    // The library's styles are applied although the policy forbids styles in the page: a row is a row.
    const lines = await page.evaluate(
      `[...document.querySelectorAll('.xterm-rows > div')].slice(0, 2).map((e) => e.getBoundingClientRect().top)`,
    );
    const [top = 0, next = 0] = lines as number[];
    expect(next).toBeGreaterThan(top);
    await page.keyboard.press('Control+Shift+E');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Close the shell');
    await page.keyboard.press('Enter');
    await page.getByText('The connection was closed.').waitFor(patience);
  }, 120_000);

  test('edits and saves, after the server has checked it', async () => {
    await open('Workloads');
    await page.getByRole('link', { name: 'counter', exact: true }).click();
    await page.getByRole('link', { name: /^counter-/ }).waitFor(patience);
    await openPart('YAML');
    const editor = page.getByLabel('YAML of counter');
    await editor.waitFor(patience);
    const replace = async (text: string, by: string): Promise<void> => {
      await editor.click();
      await page.keyboard.press('Control+f');
      await page.keyboard.type(text);
      await page.keyboard.press('Enter');
      await page.keyboard.press('Escape');
      await page.keyboard.type(by);
    };
    await replace('replicas: 1', 'replicas: -1');
    await page.getByRole('button', { name: 'Check the change' }).click();
    await page
      .getByRole('alert')
      .getByText(/must be greater than or equal to 0/)
      .waitFor(patience);
    expect(await page.getByRole('button', { name: 'Save' }).isDisabled()).toBe(true);
    await replace('replicas: -1', 'replicas: 2');
    await page.getByRole('button', { name: 'Check the change' }).click();
    await page.getByRole('heading', { name: 'What would be stored' }).waitFor(patience);
    await picture('edit');
    expect(await cluster.get('get', 'deploy/counter', '-o', 'jsonpath={.spec.replicas}')).toBe('1');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved.').waitFor(patience);
    expect(await cluster.get('get', 'deploy/counter', '-o', 'jsonpath={.spec.replicas}')).toBe('2');
    const managers = 'jsonpath={.metadata.managedFields[*].manager}';
    expect(await cluster.get('get', 'deploy/counter', '-o', managers)).toMatch(
      /kubectl.*trireme-dashboard/,
    );
  }, 120_000);

  test('says why, from the workload to the cause, with what mends it', async () => {
    await page.goto(
      `${page.url().split('#')[0] ?? ''}#/workloads/deployments/default/broken?tab=why`,
    );
    const why = page.getByRole('region', { name: 'Why' });
    await why.getByText('trireme create configmap nowhere').waitFor(patience);
    await why.getByRole('link', { name: /^pod\/broken-/ }).waitFor(patience);
    await picture('why');
  }, 120_000);

  test('goes back in time: an object by its versions, a list to what is deleted', async () => {
    await open('Workloads');
    await page.getByRole('link', { name: 'counter', exact: true }).click();
    await openPart('History');
    await page
      .getByRole('row', { name: /trireme-dashboard spec\.replicas: 1 -> 2/ })
      .waitFor(patience);
    const slider = page.getByRole('slider');
    await slider.focus();
    await page.keyboard.press('ArrowLeft');
    const differences = page.getByRole('region', { name: 'Differences from now' });
    await differences.getByRole('row', { name: 'spec.replicas 1 2' }).waitFor(patience);
    await picture('history');
    await open('Workloads');
    const broken = page.getByRole('link', { name: 'broken', exact: true });
    await broken.waitFor(patience);
    // Times are told by leases, which are renewed every two seconds.
    const beforeSeconds = Math.floor(systemClock().nowMs() / 1000) - 5;
    await cluster.get('delete', 'deployment', 'broken');
    await broken.waitFor({ ...patience, state: 'detached' });
    await page.getByRole('button', { name: 'Time machine' }).click();
    await slider.fill(String(beforeSeconds));
    await broken.waitFor(patience);
    await picture('time-machine');
    await broken.click();
    await page.getByText('It is gone by now.').waitFor(patience);
  }, 120_000);

  test('takes no text for markup', async () => {
    await open('Events');
    await page.getByRole('cell', { name: hostile }).first().waitFor(patience);
    expect(await page.evaluate('typeof window.hit')).toBe('undefined');
  }, 60_000);

  test('shows how traffic flows, and what is used', async () => {
    await open('Services');
    await page.getByRole('link', { name: 'counter', exact: true }).click();
    const flow = page.getByRole('list', { name: 'How traffic flows' });
    await flow.getByText('80/TCP → 8080').waitFor(patience);
    await flow.getByText('2 ready').waitFor(patience);
    await flow.getByText('gets traffic').nth(1).waitFor(patience);
    await picture('service');
    await open('Usage');
    await page.getByRole('row', { name: /worker-1 .* [MG]iB/ }).waitFor(patience);
    await page.locator('canvas').nth(1).waitFor(patience);
    await page.getByRole('row', { name: /worker-1 \d/ }).waitFor(patience);
    await picture('usage');
  }, 120_000);

  test('signs out, and when its token ends; and breaks no policy of its own', async () => {
    await page.getByRole('button', { name: 'Sign out' }).click();
    const field = page.getByLabel('Token', { exact: true });
    await field.fill(token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Usage' }).waitFor(patience);
    await cluster.get('delete', 'serviceaccount', 'me', '-n', 'kube-system');
    await page.getByRole('alert').getByText('The token is not taken any more').waitFor(patience);
    expect(await field.count()).toBe(1);
    expect(await page.evaluate('typeof window.hit')).toBe('undefined');
    expect(complaints).toEqual([]);
  }, 60_000);
});

// Keeps what V8 makes of a packed master and of its threads, as bin/compiled.cjs looks for it: node scripts/lib/keep-compiled-master.mjs DIRECTORY.
// A new master runs until it is ready and has answered some requests, because V8 keeps the functions that have run; each of its threads keeps its
// own at its end (keep-at-exit.cjs). Nothing of it is left but that.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const directory = resolve(process.argv[2] ?? '.');
const giveUpMs = 45_000;
const { cachePath } = createRequire(import.meta.url)('../../bin/compiled.cjs');
// The same content was packed before.
if (existsSync(cachePath(join(directory, 'cli.components.apiserver.compiled.cjs')))) process.exit();

async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = [];
  for (const server of servers) {
    await new Promise((done, failed) => server.once('error', failed).listen(0, '127.0.0.1', done));
    ports.push(server.address().port);
  }
  for (const server of servers) await new Promise((done) => server.close(done));
  return ports;
}

const home = mkdtempSync(join(tmpdir(), 'trireme-compiled-'));
const [rest, grpc, client, peer, scheduler, controllers] = await freePorts(6);
const words = [
  ...['master', '--name=compiled', `--data-dir=${home}`, '--address=127.0.0.1'],
  ...[`--rest-port=${rest}`, `--grpc-port=${grpc}`],
  ...[`--etcd-client-port=${client}`, `--etcd-peer-port=${peer}`],
  ...[`--scheduler-port=${scheduler}`, `--controller-manager-port=${controllers}`],
];
// The program of that directory, whatever dist/current is: main.js' run, as bin/trireme calls it.
const start = `import(${JSON.stringify(join(directory, 'main.js'))}).then(({ run }) => run(${JSON.stringify(words)})).then((code) => { process.exitCode = code; });`;
const env = {
  ...process.env,
  NODE_OPTIONS: `--require=${JSON.stringify(join(here, 'keep-at-exit.cjs'))}`,
  TRIREME_PACKED: directory,
};
// By standard input: words such as --eval would be flags, for which V8's work is kept apart.
const master = spawn(process.execPath, ['-'], { stdio: ['pipe', 'ignore', 'pipe'], env });
master.stdin.end(start);
const ended = new Promise((done) => master.once('exit', done));
const timer = setTimeout(() => master.kill('SIGKILL'), giveUpMs);
try {
  await new Promise((done) => {
    let text = '';
    master.stderr.on('data', (chunk) => {
      text += chunk;
      if (text.includes('"controllers run"') && text.includes('"master is ready"')) done();
    });
    ended.then(done);
  });
  if (master.exitCode === null) await askApi();
  master.kill('SIGTERM');
  await ended;
} finally {
  clearTimeout(timer);
  rmSync(home, { recursive: true, force: true });
}

/** What the clients of a new cluster ask first. */
async function askApi() {
  const pem = (name) => readFileSync(join(home, 'pki', name));
  const tls = { ca: pem('ca.crt'), cert: pem('admin.crt'), key: pem('admin.key') };
  const configMaps = '/api/v1/namespaces/default/configmaps';
  const configMap = JSON.stringify({ metadata: { name: 'a' }, data: { a: 'b' } });
  const calls = [
    ['GET', '/readyz'],
    ['GET', '/api'],
    ['GET', '/apis'],
    ['GET', '/api/v1/namespaces/default/pods'],
    ['GET', '/api/v1/nodes', undefined, 'application/json;as=Table;v=v1;g=meta.k8s.io'],
    ['POST', configMaps, configMap],
    ['PATCH', `${configMaps}/a`, configMap],
    ['GET', configMaps],
    ['DELETE', `${configMaps}/a`],
  ];
  for (const [method, path, body, accept = 'application/json'] of calls) {
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const headers = { accept, 'content-type': type };
    await new Promise((done) => {
      const call = request({ host: '127.0.0.1', port: rest, method, path, headers, agent: false, ...tls });
      call.on('response', (answer) => answer.resume().on('close', done));
      call.on('error', done);
      call.end(body);
    });
  }
}

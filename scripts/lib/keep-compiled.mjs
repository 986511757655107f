// Keeps what V8 makes of the packed commands, as bin/trireme looks for it: node [FLAGS] scripts/lib/keep-compiled.mjs DIRECTORY. Some commands
// run first, against a server of ours, because V8 keeps the functions that have run. An own directory, so that no user's configuration is read.
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { cachePath, loadCompiled } = createRequire(import.meta.url)('../../bin/compiled.cjs');
const [, , directory = '.'] = process.argv;
const file = join(directory, 'kube-commands.compiled.cjs');
// The same content was packed before.
if (existsSync(cachePath(file))) process.exit();

const metadata = { name: 'a', namespace: 'default', creationTimestamp: '2026-01-01T00:00:00Z' };
const pod = { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [] }, status: {} };
const table = {
  kind: 'Table',
  metadata: {},
  columnDefinitions: [{ name: 'Name', type: 'string', priority: 0 }],
  rows: [{ cells: ['a'], object: pod }],
};
const server = createServer((request, response) => {
  const isTable = request.headers.accept?.includes('as=Table') ?? false;
  const answer = isTable ? table : { ...pod, items: [pod] };
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(answer));
});

const home = mkdtempSync(join(tmpdir(), 'trireme-compiled-'));
try {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${server.address().port}`;
  const config = join(home, 'config');
  const entry = { name: 'c', cluster: { server: address } };
  const context = { name: 'c', context: { cluster: 'c' } };
  const kubeconfig = { 'current-context': 'c', clusters: [entry], contexts: [context] };
  writeFileSync(config, JSON.stringify(kubeconfig));
  const manifest = join(home, 'pod.yaml');
  writeFileSync(manifest, `kind: Pod\napiVersion: v1\nmetadata:\n  name: a\nspec: {}\n`);
  const { exports: commands, script } = loadCompiled(file);
  for (const line of [
    'get --help',
    'get pods',
    'get pods a -o wide',
    'get pods -A -o yaml',
    'get pods -o jsonpath={.items[*].metadata.name}',
    'describe pod a',
    `apply -f ${manifest}`,
    'delete pod a --wait=false',
  ]) {
    const [name, ...words] = line.split(' ');
    await commands.runKubeCommand(name, [...words, `--kubeconfig=${config}`]);
  }
  // Others may look for it meanwhile.
  const path = cachePath(file);
  writeFileSync(`${path}.${process.pid}`, script.createCachedData());
  renameSync(`${path}.${process.pid}`, path);
} finally {
  server.close();
  server.closeAllConnections();
  rmSync(home, { recursive: true });
}

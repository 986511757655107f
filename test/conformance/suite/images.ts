/**
 * Makes the images of the pods that Kubernetes' end-to-end suite starts, without a registry: `node
 * dist/test/conformance/suite/images.js DIR`, where `build` has put programs and a Debian root. Leaves
 * DIR/images/e2e.tar, an OCI layout with all of them.
 *
 * Where the suite looks into an image, ours has it at the same place; httpd and nginx are busybox's, etcd is Debian's.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

const [dir] = process.argv.slice(2);
if (dir === undefined) {
  console.error('usage: images.js DIR');
  process.exit(2);
}
const bin = join(dir, 'bin');
const sources = join(dir, 'go/src/k8s.io/kubernetes/test/images');
const out = join(dir, 'oci');
const mediaType = 'application/vnd.oci.image';

interface Blob {
  readonly digest: string;
  readonly size: number;
}
interface Image {
  readonly name: string;
  readonly layers: readonly Blob[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly User?: string;
}

/** Moves a file among the blobs. */
async function keep(path: string): Promise<Blob> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  const hex = hash.digest('hex');
  const { size } = statSync(path);
  renameSync(path, join(out, 'blobs/sha256', hex));
  return { digest: `sha256:${hex}`, size };
}

function keepJson(value: object): Promise<Blob> {
  const path = join(out, 'value.json');
  writeFileSync(path, JSON.stringify(value));
  return keep(path);
}

/** A layer of all that is under a directory. */
function layerOf(root: string): Promise<Blob> {
  const path = join(out, 'layer.tar');
  const without = ['./proc/*', './sys/*', './dev/*', './var/cache/apt', './var/lib/apt/lists'];
  const excluded = without.map((pattern) => `--exclude=${pattern}`);
  execFileSync('tar', ['-C', root, '--numeric-owner', ...excluded, '-cf', path, '.']);
  return keep(path);
}

/** A layer of some files: from the place in the image to a file of this machine, or to a text. */
async function layerWith(
  files: Readonly<Record<string, { from: string } | { text: string }>>,
): Promise<Blob> {
  const root = join(out, 'root');
  for (const [place, content] of Object.entries(files)) {
    const path = join(root, place);
    mkdirSync(dirname(path), { recursive: true });
    if ('from' in content) copyFileSync(content.from, path);
    else writeFileSync(path, content.text);
  }
  const layer = await layerOf(root);
  rmSync(root, { recursive: true });
  return layer;
}

/** Debian with the suite's own programs. */
function debianLayer(): Promise<Blob> {
  const root = join(dir as string, 'rootfs');
  const programs = {
    agnhost: 'agnhost',
    'sample-apiserver': 'sample-apiserver',
    nnp: 'usr/local/bin/nnp',
  };
  for (const [name, place] of Object.entries(programs)) {
    copyFileSync(join(bin, name), join(root, place));
    chmodSync(join(root, place), name === 'nnp' ? 0o4755 : 0o755);
  }
  const links = { 'agnhost-2': 'agnhost', 'usr/local/bin/etcd': '/usr/bin/etcd' };
  for (const [place, target] of Object.entries(links)) {
    rmSync(join(root, place), { force: true });
    symlinkSync(target, join(root, place));
  }
  mkdirSync(join(root, 'uploads'), { recursive: true });
  for (const name of ['localhost.crt', 'localhost.key']) {
    copyFileSync(join(sources, 'agnhost/porter', name), join(root, name));
  }
  return layerOf(root);
}

async function busyboxLayer(): Promise<Blob> {
  const root = join(out, 'busybox');
  for (const name of ['bin', 'etc', 'root', 'home', 'tmp', 'usr', 'var']) {
    mkdirSync(join(root, name), { recursive: true });
  }
  chmodSync(join(root, 'tmp'), 0o1777);
  copyFileSync('/bin/busybox', join(root, 'bin/busybox'));
  const applets = execFileSync('/bin/busybox', ['--list'], { encoding: 'utf8' }).trim().split('\n');
  for (const name of applets) {
    if (name !== 'busybox') symlinkSync('busybox', join(root, 'bin', name));
  }
  const users = ['root:x:0:0:root:/root:/bin/sh', 'nobody:x:65534:65534:nobody:/home:/bin/false'];
  writeFileSync(join(root, 'etc/passwd'), `${users.join('\n')}\n`);
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nnobody:x:65534:\n');
  const layer = await layerOf(root);
  rmSync(root, { recursive: true });
  return layer;
}

/** All images: names as the suite of 1.20 has them (`test/utils/image/manifest.go`). */
async function allImages(): Promise<Image[]> {
  const debian = await debianLayer();
  const busybox = await busyboxLayer();
  const pause = await layerWith({ agnhost: { from: join(bin, 'agnhost') } });
  const served = (root: string, text: string): Promise<Blob> =>
    layerWith({ [`${root}/index.html`]: { text } });
  const [library, ours, old] = [
    'docker.io/library/',
    'k8s.gcr.io/e2e-test-images/',
    'gcr.io/kubernetes-e2e-test-images/',
  ];
  const images: Image[] = [
    { name: `${ours}agnhost:2.21`, layers: [debian], Entrypoint: ['/agnhost'], Cmd: ['pause'] },
    { name: 'k8s.gcr.io/pause:3.2', layers: [pause], Entrypoint: ['/agnhost', 'pause'] },
    { name: `${library}busybox:1.29`, layers: [busybox], Cmd: ['sh'] },
    { name: `${library}perl:5.26`, layers: [debian], Cmd: ['perl'] },
    {
      name: `${library}redis:5.0.5-alpine`,
      layers: [debian],
      Cmd: ['redis-server', '--protected-mode', 'no'],
    },
    { name: 'k8s.gcr.io/etcd:3.4.13-0', layers: [debian], Cmd: ['etcd'] },
    { name: `${old}jessie-dnsutils:1.0`, layers: [debian], Cmd: ['bash'] },
    { name: `${old}nonewprivs:1.0`, layers: [debian], Cmd: ['nnp'] },
    { name: `${old}nonroot:1.0`, layers: [debian], Entrypoint: ['/agnhost'], User: '1234' },
    { name: `${old}sample-apiserver:1.17`, layers: [debian], Entrypoint: ['/sample-apiserver'] },
  ];
  const web = {
    httpd: ['usr/local/apache2/htdocs', 'It works!', '2.4.38-alpine', '2.4.39-alpine'],
    nginx: ['usr/share/nginx/html', 'Welcome to nginx!', '1.14-alpine', '1.15-alpine'],
  } as const;
  for (const [name, [root, says, ...versions]] of Object.entries(web)) {
    const layers = [busybox, await served(root, `<html><body><h1>${says}</h1></body></html>\n`)];
    const Cmd = ['httpd', '-f', '-p', '80', '-h', `/${root}`];
    for (const version of versions)
      images.push({ name: `${library}${name}:${version}`, layers, Cmd });
  }
  for (const name of ['kitten', 'nautilus']) {
    const html = join(sources, name, 'html');
    const files = Object.fromEntries(
      readdirSync(html).map((file) => [file, { from: join(html, file) }]),
    );
    const layers = [debian, await layerWith(files)];
    images.push({
      name: `${old}${name}:1.0`,
      layers,
      Entrypoint: ['/agnhost'],
      Cmd: ['test-webserver'],
    });
  }
  return images;
}

async function manifestOf({ name, layers, ...config }: Image): Promise<object> {
  const Env = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'];
  const diffIds = layers.map(({ digest }) => digest);
  const described = await keepJson({
    architecture: 'amd64',
    os: 'linux',
    config: { Env, ...config },
    rootfs: { type: 'layers', diff_ids: diffIds },
  });
  const manifest = await keepJson({
    schemaVersion: 2,
    mediaType: `${mediaType}.manifest.v1+json`,
    config: { mediaType: `${mediaType}.config.v1+json`, ...described },
    layers: layers.map((layer) => ({ mediaType: `${mediaType}.layer.v1.tar`, ...layer })),
  });
  const annotations = { 'io.containerd.image.name': name };
  return { mediaType: `${mediaType}.manifest.v1+json`, ...manifest, annotations };
}

if (existsSync(out)) rmSync(out, { recursive: true });
mkdirSync(join(out, 'blobs/sha256'), { recursive: true });
const manifests: object[] = [];
for (const image of await allImages()) manifests.push(await manifestOf(image));
writeFileSync(join(out, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
writeFileSync(join(out, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
const archive = join(dir, 'images/e2e.tar');
mkdirSync(dirname(archive), { recursive: true });
execFileSync('tar', ['-C', out, '-cf', archive, 'oci-layout', 'index.json', 'blobs']);
rmSync(out, { recursive: true });
console.log(archive);

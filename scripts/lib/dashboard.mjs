// Builds the dashboard (src/dashboard) for browsers into one file: a list of what is served, each with its path below /ui/, its type, and its
// content, compressed. The API server serves what is in the list and nothing else (src/master/apiserver/dashboard).
import { createHash } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const hashOf = (content) => createHash('sha256').update(content).digest('hex').slice(0, 16);

function entry(path, content, immutable) {
  const type = types[extname(path) || '.html'];
  const gzip = gzipSync(content, { level: 9 }).toString('base64');
  return { path, type, immutable, hash: hashOf(content), gzip };
}

/** Bundles it, and writes `file` where its content is another one. */
export async function buildDashboard(root, file) {
  const folder = join(root, 'src/dashboard');
  const { outputFiles, metafile } = await build({
    entryPoints: [join(folder, 'app/main.tsx'), join(folder, 'app/style/main.css')],
    absWorkingDir: root,
    outdir: join(root, 'dist/dashboard'),
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    target: ['chrome110', 'firefox110', 'safari16.4'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    minify: true,
    write: false,
    metafile: true,
    legalComments: 'inline',
    // What of src/lib asks for its environment finds an empty one.
    define: { 'process.env': '{}' },
    logLevel: 'warning',
  });
  const built = Object.entries(metafile.outputs).filter(([, { entryPoint }]) => entryPoint);
  const named = (end) => basename(built.find(([path]) => path.endsWith(end))[0]);
  const icon = await readFile(join(folder, 'icon.svg'));
  const page = (await readFile(join(folder, 'index.html'), 'utf8'))
    .replace('{{script}}', named('.js'))
    .replace('{{style}}', named('.css'));
  const entries = [
    entry('', Buffer.from(page), false),
    entry('icon.svg', icon, false),
    ...outputFiles.map(({ path, contents }) => entry(basename(path), contents, true)),
  ].sort((a, b) => (a.path < b.path ? -1 : 1));
  const text = JSON.stringify(entries);
  if ((await readFile(file, 'utf8').catch(() => '')) === text) return;
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}

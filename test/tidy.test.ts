/**
 * The house rules that a program can check: who may import whom (docs/ARCHITECTURE.md), no cycles, no file that nobody
 * uses, no file too long to read, no generated code edited by hand.
 */
import { describe, expect, test } from '@jest/globals';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { byPath, files, generated, isTest, root } from './tidy/source-files.js';
import { mayOpenFiles, ownObjects } from './tidy-exceptions.js';

/** The areas that each area may import. An area is a path prefix under `src`; the longest match counts. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  gen: ['lib'],
  lib: ['gen'],
  raft: ['lib'],
  etcd: ['raft', 'lib', 'gen'],
  api: ['lib'],
  client: ['api', 'lib', 'gen'],
  master: ['api', 'lib', 'gen', 'client'],
  runtime: ['lib', 'gen'],
  netproxy: ['api', 'lib', 'gen', 'client'],
  history: ['api', 'lib'],
  why: ['api', 'lib', 'master'],
  dashboard: ['api', 'lib', 'gen', 'client', 'history', 'why'],
  worker: ['api', 'lib', 'gen', 'client', 'runtime', 'netproxy'],
  cli: [
    'api',
    'lib',
    'gen',
    'client',
    'etcd',
    'master',
    'worker',
    'runtime',
    'netproxy',
    'history',
    'why',
  ],
};
/**
 * The folders of the store, and the others that each may import. Files in `src/etcd` itself (`config.ts`, `machine.ts`)
 * are open to all.
 */
const storeRooms: Readonly<Record<string, readonly string[]>> = {
  backend: [],
  wal: [],
  mvcc: ['backend'],
  lease: ['backend'],
  auth: ['backend'],
  apply: ['auth', 'backend', 'lease', 'mvcc'],
  telemetry: ['mvcc'],
  guards: ['apply', 'backend', 'mvcc'],
  peer: ['apply', 'guards', 'telemetry'],
  membership: ['apply', 'backend', 'peer'],
  snapshots: ['backend', 'guards', 'membership', 'mvcc', 'telemetry', 'wal'],
  member: [
    'apply',
    'auth',
    'backend',
    'guards',
    'lease',
    'membership',
    'mvcc',
    'peer',
    'snapshots',
    'telemetry',
    'wal',
  ],
  rpc: [
    'apply',
    'auth',
    'backend',
    'guards',
    'lease',
    'membership',
    'mvcc',
    'snapshots',
    'telemetry',
  ],
  gateway: ['apply', 'telemetry'],
  cmd: [
    'auth',
    'gateway',
    'guards',
    'member',
    'membership',
    'peer',
    'rpc',
    'snapshots',
    'telemetry',
    'wal',
  ],
};
/** The rooms of the API server, from below to above, and which rooms each may import. */
const apiserverRooms: Readonly<Record<string, readonly string[]>> = {
  protobuf: [],
  storage: [],
  aside: [],
  cache: ['storage'],
  registry: ['cache', 'storage'],
  authz: ['cache', 'registry'],
  authn: ['authz', 'cache', 'registry'],
  reviews: ['authn', 'authz', 'registry'],
  subresources: ['authn', 'authz', 'cache', 'registry'],
  admission: ['authz', 'cache', 'registry', 'subresources'],
  rules: ['admission', 'aside', 'registry'],
  bootstrap: ['authz', 'registry'],
  services: ['bootstrap', 'cache', 'registry', 'storage'],
  crd: ['cache', 'registry', 'storage'],
  aggregator: ['bootstrap', 'cache', 'registry', 'subresources'],
  flowcontrol: ['authz', 'bootstrap', 'cache'],
  verbs: ['authn', 'authz', 'cache', 'flowcontrol', 'registry', 'subresources'],
  content: ['aside', 'protobuf', 'verbs'],
  rest: ['aggregator', 'authn', 'content', 'subresources', 'verbs'],
  grpc: ['aggregator', 'authn', 'content', 'subresources', 'verbs'],
  discovery: ['aggregator', 'authn', 'rest'],
  history: ['registry', 'rest', 'storage'],
  openapi: ['aggregator', 'discovery', 'rest'],
  dashboard: ['rest'],
  testkit: ['admission', 'cache', 'registry', 'storage'],
};
/** Files of the API server's own folder that its rooms may import: errors and bounds. All others join the rooms. */
const sharedFiles = new Set(['limits.ts', 'status.ts']);
/** The folders of a master. A program of its own reaches the API server through its client only. */
const masterRooms: Readonly<Record<string, readonly string[]>> = {
  streaming: [],
  component: [],
  supervisor: [],
  apiserver: ['component', 'streaming'],
  cluster: ['apiserver'],
  scheduler: ['component'],
  controllers: ['cluster', 'component'],
};
const houses = [
  { folder: 'src/etcd', rooms: storeRooms },
  { folder: 'src/master', rooms: masterRooms },
  { folder: 'src/master/apiserver', rooms: apiserverRooms },
];
/** Walls inside an area: files below `from` import nothing below `never`, not even types. */
const apiserver = 'src/master/apiserver';
const programs = ['apiserver', 'controllers', 'scheduler'];
const walls: readonly { readonly from: string; readonly never: readonly string[] }[] = [
  // The doors decode and encode; what is done, and who may, is decided behind the verbs.
  ...['rest', 'grpc'].map((door) => ({
    from: `${apiserver}/${door}/`,
    never: ['registry', 'admission', 'cache', 'storage', 'authz'].map(
      (room) => `${apiserver}/${room}/`,
    ),
  })),
  ...['verbs', 'registry', 'subresources', 'admission', 'authz', 'cache', 'storage'].map(
    (room) => ({
      from: `${apiserver}/${room}/`,
      never: [`${apiserver}/rest/`, `${apiserver}/grpc/`],
    }),
  ),
  // What says why a pod gets no node asks the scheduler's filters, and nothing else of a master: it runs in browsers.
  {
    from: 'src/why/',
    never: Object.keys(masterRooms)
      .filter((room) => room !== 'scheduler')
      .map((room) => `src/master/${room}/`),
  },
  // Programs of their own: what two of them know of an object is in api/facts.
  ...programs.map((program) => ({
    from: `src/master/${program}/`,
    never: programs.filter((other) => other !== program).map((other) => `src/master/${other}/`),
  })),
];
/** Rooms that know no protocol, and the words of one: errors get their status at the edge. */
const withoutProtocol = [
  ...['verbs', 'registry'].map((room) => `${apiserver}/${room}/`),
  ...Object.keys(storeRooms)
    .filter((room) => !['cmd', 'gateway', 'peer', 'rpc'].includes(room))
    .map((room) => `src/etcd/${room}/`),
];
const protocolWords =
  /\bURLSearchParams\b|from 'node:(?:http|http2|net|tls)'|lib\/(?:grpc|http2)\/|\/grpc-status\.js'/;
/** In the pure core only these of `lib`. */
const raftMayImport = new Set(['src/lib/assert.ts', 'src/lib/prng.ts']);
/**
 * The files that rename, and why they need not `src/lib/files/rename-durably.ts`: a name that is not synced may be gone
 * after a power cut.
 */
const mayRename: Readonly<Record<string, string>> = {
  'src/lib/files/rename-durably.ts': 'syncs',
  'src/lib/safe-files/held.ts':
    'by descriptors, below directories that others may change; volumes are made anew at a start',
  'src/etcd/wal/node-disk.ts':
    "the log's disk, which the simulator replaces: the log itself syncs the directory",
  'src/netproxy/isolation/held-pods.ts':
    'what it tells of does not outlive the machine: after a power cut no pod holds an address',
  'src/cli/stream/unpack.ts': 'what cp brings is in the container still, and can be copied again',
};

function areaOf(path: string): string | undefined {
  const areas = Object.keys(mayImport).filter((area) => path.startsWith(`src/${area}/`));
  return areas.toSorted((a, b) => b.length - a.length)[0];
}

/** The files that some files import, directly or not, with themselves. */
function reachedFrom(roots: readonly string[]): Set<string> {
  const reached = new Set<string>();
  const visit = (path: string): void => {
    if (reached.has(path)) return;
    reached.add(path);
    for (const target of byPath.get(path)?.imports ?? []) visit(target);
  };
  roots.forEach(visit);
  return reached;
}

describe('the house', () => {
  test('every import goes where it may', () => {
    const wrong: string[] = [];
    for (const file of files) {
      const from = areaOf(file.path);
      if (from === undefined || isTest(file.path)) continue;
      for (const target of file.imports) {
        const to = areaOf(target);
        if (to === undefined || to === from) continue;
        const allowed = mayImport[from]?.includes(to) ?? false;
        const pure = from !== 'raft' || raftMayImport.has(target);
        if (!allowed || !pure) wrong.push(`${file.path} -> ${target}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('no import goes through a wall', () => {
    const wrong = files
      .filter((file) => !isTest(file.path))
      .flatMap((file) =>
        file.imports
          .filter((target) =>
            walls.some(
              ({ from, never }) =>
                file.path.startsWith(from) && never.some((room) => target.startsWith(room)),
            ),
          )
          .map((target) => `${file.path} -> ${target}`),
      );
    expect(wrong).toEqual([]);
  });

  test.each(houses)('every room of $folder imports the rooms that it may', ({ folder, rooms }) => {
    const roomOf = (path: string): string | undefined =>
      path.startsWith(`${folder}/`)
        ? /^([^/]+)\//.exec(path.slice(folder.length + 1))?.[1]
        : undefined;
    const wrong = files
      .filter((file) => !isTest(file.path))
      .flatMap((file) => file.imports.map((target) => ({ from: file.path, target })))
      .filter(({ from, target }) => {
        const [room, other] = [roomOf(from), roomOf(target)];
        if (room === undefined || other === undefined || room === other) return false;
        return !(rooms[room]?.includes(other) ?? false);
      })
      .map(({ from, target }) => `${from} -> ${target}`);
    expect(wrong).toEqual([]);
  });

  test.each(houses)('the rooms of $folder stand one above the other', ({ rooms }) => {
    const standing = new Set<string>();
    const left = new Set(Object.keys(rooms));
    for (let found = true; found;) {
      found = false;
      for (const room of left) {
        if (!rooms[room]?.every((below) => standing.has(below))) continue;
        standing.add(room);
        left.delete(room);
        found = true;
      }
    }
    expect([...left]).toEqual([]);
  });

  test('what the rooms of the API server share stands below them', () => {
    const above = files
      .filter(({ path }) => !isTest(path) && path.startsWith(`${apiserver}/`))
      .filter(({ path }) => path.slice(apiserver.length + 1).includes('/'))
      .flatMap(({ path, imports }) =>
        imports
          .filter((target) => new RegExp(`^${apiserver}/[^/]+\\.ts$`).test(target))
          .filter((target) => !sharedFiles.has(target.slice(apiserver.length + 1)))
          .map((target) => `${path} -> ${target}`),
      );
    expect(above).toEqual([]);
  });

  test('what lies behind the doors knows no protocol', () => {
    const spoken = files
      .filter(({ path }) => !isTest(path) && withoutProtocol.some((room) => path.startsWith(room)))
      .filter(({ text }) => protocolWords.test(text))
      .map(({ path }) => path);
    expect(spoken).toEqual([]);
  });

  test('objects are typed by their schemas alone', () => {
    const kinds = new Set(
      files
        .filter(({ path }) => path.startsWith('src/api/'))
        .flatMap(({ text }) => [...text.matchAll(/\bdefineKind<(\w+)>/g)].map(([, kind]) => kind)),
    );
    const typed = files
      .filter(({ path }) => !isTest(path) && !/^src\/(?:api|gen|raft|etcd)\//.test(path))
      .flatMap(({ path, text }) =>
        [...text.matchAll(/^(?:export )?(?:interface|type) (\w+)(?: extends (\w+))?/gm)]
          .filter(([, name = '', parent]) => kinds.has(name) || parent === 'KubeObject')
          .filter(([, name = '']) => !(name in ownObjects))
          .map(([, name]) => `${path}: ${name}`),
      );
    expect(kinds.size).toBeGreaterThan(30);
    expect(typed).toEqual([]);
  });

  test('every import exists', () => {
    const missing = files.flatMap((file) =>
      file.imports
        .filter((target) => !byPath.has(target))
        .map((target) => `${file.path} -> ${target}`),
    );
    expect(missing).toEqual([]);
  });

  test('there is no cycle; in what ships, not even of types', () => {
    const state = new Map<string, 'open' | 'done'>();
    const cycles: string[] = [];
    const visit = (path: string, trail: readonly string[]): void => {
      if (state.get(path) === 'done') return;
      if (state.get(path) === 'open') {
        cycles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '));
        return;
      }
      state.set(path, 'open');
      const file = byPath.get(path);
      const targets = path.startsWith('src/') ? file?.imports : file?.loads;
      for (const target of targets ?? []) {
        if (!path.startsWith(generated)) visit(target, [...trail, path]);
      }
      state.set(path, 'done');
    };
    for (const file of files) visit(file.path, []);
    expect(cycles).toEqual([]);
  });

  test('every file is used by what ships, or stands in a test kit that does not', () => {
    const ships = reachedFrom(['src/cli/main.ts', 'src/dashboard/app/main.tsx']);
    const tested = reachedFrom(files.map(({ path }) => path).filter(isTest));
    const isKit = (path: string): boolean => path.includes('/testkit/');
    const written = files.map(({ path }) => path).filter((path) => !path.startsWith(generated));
    expect(written.filter((path) => isKit(path) && ships.has(path))).toEqual([]);
    expect(written.filter((path) => isKit(path) && !tested.has(path))).toEqual([]);
    const unused = written.filter((path) => !isKit(path) && !isTest(path) && !ships.has(path));
    expect(unused).toEqual([]);
  });

  test('files that somebody else may change are opened through lib/safe-files', () => {
    const own = files
      .filter(({ path }) => /^src\/(?:worker|runtime)\//.test(path) && !isTest(path))
      .filter(({ path }) => !path.includes('/testkit/'))
      .filter(({ text }) => /^import (?!type )[^;]*from 'node:fs(?:\/promises)?';$/m.test(text))
      .map(({ path }) => path);
    expect(own.filter((path) => !(path in mayOpenFiles))).toEqual([]);
    expect(Object.keys(mayOpenFiles).filter((path) => !own.includes(path))).toEqual([]);
  });

  test('files get their names through lib/files', () => {
    const renaming = files
      .filter(({ path }) => path.startsWith('src/') && !isTest(path))
      .filter(({ text }) =>
        /\bfs\.rename|^import \{[^}]*\brename(?:Sync)?\b[^}]*\} from 'node:fs/m.test(text),
      )
      .map(({ path }) => path);
    expect(renaming.toSorted()).toEqual(Object.keys(mayRename).toSorted());
  });

  test('the core of Raft has no clock, no promise and no IO', () => {
    const impure = files
      .filter((file) => file.path.startsWith('src/raft/') && !isTest(file.path))
      .filter((file) => /\basync\b|\bawait\b|\bPromise\b|from 'node:/.test(file.text))
      .filter(
        (file) =>
          !/^\s*(\*|\/\/)/.test(file.text.match(/.*\b(?:async|await|Promise)\b.*/)?.[0] ?? ''),
      )
      .map((file) => file.path);
    expect(impure).toEqual([]);
  });

  test('every folder of the first level says what it is', () => {
    const silent = readdirSync(join(root, 'src'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== 'gen')
      .filter((entry) => {
        const folder = join(root, 'src', entry.name);
        const index = join(folder, 'index.ts');
        const headed = existsSync(index) && readFileSync(index, 'utf8').startsWith('/**');
        return !headed && !existsSync(join(folder, 'README.md'));
      })
      .map((entry) => entry.name);
    expect(silent).toEqual([]);
  });
});

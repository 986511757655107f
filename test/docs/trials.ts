/**
 * The trial of each command of each page: it is run as it stands or with other words, or only checked, with a reason.
 */

/** The trial of a command. */
export type Trial =
  | {
      /** It runs, and must end with code 0. `look`: it goes on for ever, and must write something. */
      readonly how: 'run' | 'look';
      /** Words that are replaced: what the page leaves to the reader, or what would take too long. */
      readonly instead?: Readonly<Record<string, string>>;
      /** Commands that make what the page takes for granted. */
      readonly first?: readonly string[];
      /** Matches the output. */
      readonly says?: RegExp;
    }
  | {
      /** Programs, files, subcommands and flags must exist. */
      readonly how: 'check';
      readonly why: string;
    };

interface Row {
  readonly pages: string;
  /** The beginning of the command. */
  readonly begins: string;
  readonly trial: Trial;
}

const machine = 'it changes the machine; docs/VAGRANT.md is how that is tried';
const virtual = 'it makes virtual machines';
const minutes = 'it takes minutes';
const hour = 'it takes an hour, and Debian 12';
const level = 'scripts/test does it, and runs this test';
const others = 'it needs members on other machines; test/cluster/etcd-cluster.test.ts does it';
const monitoring = 'test/cluster/monitoring.test.ts does it';
const hollow = { './scripts/up': 'bin/trireme up --runtime hollow' };
const stop = { 'scripts/down': 'bin/trireme down' };
const down = { './scripts/down': 'bin/trireme down' };
/** The revision with which an object of the page began. */
const created = {
  REVISION: "$(bin/trireme history configmap/shop | awk '/created/{print $1}')",
};
const few = {
  '--count 1000': '--count 5',
  '--count 100': '--count 2',
  '--seeds 100': '--seeds 2',
};

const rows: readonly Row[] = [
  // README.md: three masters and two workers that pretend to run containers.
  { pages: 'README.md', begins: './scripts/up', trial: { how: 'run', instead: hollow } },
  { pages: 'README.md', begins: 'export KUBECONFIG=', trial: { how: 'run' } },
  { pages: 'README.md', begins: 'kubectl get nodes,pods', trial: { how: 'run', says: /worker-2/ } },
  { pages: 'README.md', begins: 'bin/trireme cluster watch', trial: { how: 'look' } },
  {
    pages: 'README.md',
    begins: 'bin/trireme cluster kill-leader',
    trial: { how: 'run', says: /^killed master-\d, which leads/ },
  },
  { pages: 'README.md', begins: './scripts/down', trial: { how: 'run', instead: down } },

  // docs/HACKING.md: one master and one worker.
  {
    pages: 'docs/HACKING.md',
    begins: 'npm install',
    trial: { how: 'check', why: 'scripts/test does it, and other tests use what is installed' },
  },
  { pages: 'docs/HACKING.md', begins: 'npx tsc', trial: { how: 'check', why: level } },
  { pages: 'docs/HACKING.md', begins: 'bin/trireme --help', trial: { how: 'run', says: /apply/ } },
  { pages: 'docs/HACKING.md', begins: 'npm run lint', trial: { how: 'check', why: level } },
  { pages: 'docs/HACKING.md', begins: './scripts/test', trial: { how: 'check', why: level } },
  { pages: 'docs/HACKING.md', begins: './scripts/up', trial: { how: 'run', instead: hollow } },
  {
    pages: 'docs/HACKING.md',
    begins: 'KUBECONFIG=.trireme/kubeconfig kubectl get nodes',
    trial: { how: 'run', says: /worker-1 +Ready/ },
  },
  { pages: 'docs/HACKING.md', begins: 'tail -f', trial: { how: 'look' } },
  { pages: 'docs/HACKING.md', begins: './scripts/down', trial: { how: 'run', instead: down } },

  // docs/SECURITY.md, docs/VAGRANT.md, docs/WATCH.md, docs/WHY.md and so on: one cluster for all, in this order.
  {
    pages: 'docs/DASHBOARD.md',
    begins: 'trireme dashboard',
    trial: { how: 'run', says: /token: +ey/ },
  },
  {
    pages: 'docs/DASHBOARD.md',
    begins: 'kubectl create token',
    trial: { how: 'run', says: /^ey/ },
  },
  { pages: 'docs/DASHBOARD.md', begins: 'kubectl create', trial: { how: 'run', says: /created/ } },
  {
    pages: 'docs/SECURITY.md',
    begins: 'kubectl label namespace shop',
    trial: { how: 'run', first: ['kubectl create namespace shop'], says: /labeled/ },
  },
  { pages: 'docs/SECURITY.md', begins: '. .trireme/etcd.env', trial: { how: 'run' } },
  {
    pages: 'docs/SECURITY.md',
    begins: 'etcdctl get /registry/secrets/example/web',
    trial: {
      how: 'run',
      first: ['kubectl apply -f examples/web.yaml'],
      says: /k8s:enc:aesgcm:v1:/,
    },
  },
  {
    pages: 'docs/VAGRANT.md',
    begins: 'KUBECONFIG=kubeconfig kubectl -n example rollout',
    trial: { how: 'check', why: 'pretended pods answer no probe; test/e2e waits for real ones' },
  },
  {
    pages: 'docs/VAGRANT.md',
    begins: 'KUBECONFIG=kubeconfig kubectl',
    trial: { how: 'run', instead: { '=kubeconfig': '=.trireme/kubeconfig' } },
  },
  { pages: 'docs/VAGRANT.md', begins: 'curl', trial: { how: 'check', why: virtual } },
  { pages: 'docs/VAGRANT.md', begins: 'vagrant', trial: { how: 'check', why: virtual } },
  { pages: 'docs/VAGRANT.md', begins: 'TRIREME_', trial: { how: 'check', why: virtual } },
  { pages: 'docs/VAGRANT.md', begins: 'printf', trial: { how: 'check', why: machine } },
  { pages: 'docs/VAGRANT.md', begins: 'ip link', trial: { how: 'check', why: machine } },
  { pages: 'docs/VAGRANT.md', begins: 'scripts/install', trial: { how: 'check', why: minutes } },

  {
    pages: 'docs/WATCH.md',
    begins: 'trireme cluster watch --demo',
    trial: { how: 'check', why: 'it asks first; test/e2e/watch.test.ts runs it' },
  },
  { pages: 'docs/WATCH.md', begins: 'trireme cluster watch', trial: { how: 'look' } },

  { pages: 'docs/WHY.md', begins: 'bin/trireme run huge', trial: { how: 'run' } },
  {
    pages: 'docs/WHY.md',
    begins: 'bin/trireme why pod/huge',
    // The scheduler has not looked at it yet, or says why it cannot.
    trial: {
      how: 'run',
      says: /^pod\/huge: (?:the only node cannot take it|waits for the scheduler)/,
    },
  },
  { pages: 'docs/WHY.md', begins: 'bin/trireme create service', trial: { how: 'run' } },
  {
    pages: 'docs/WHY.md',
    begins: 'bin/trireme why service/nowhere',
    trial: { how: 'run', says: /its selector app=nowhere matches no pod/ },
  },
  {
    pages: 'docs/WHY.md',
    begins: 'bin/trireme why node/worker-1',
    trial: { how: 'run', says: /"level": "ok"/ },
  },

  { pages: 'docs/TIME-MACHINE.md', begins: 'bin/trireme create', trial: { how: 'run' } },
  { pages: 'docs/TIME-MACHINE.md', begins: 'bin/trireme patch', trial: { how: 'run' } },
  {
    pages: 'docs/TIME-MACHINE.md',
    begins: 'bin/trireme history',
    trial: { how: 'run', says: /data\.colour: blue -> green[^]*created/ },
  },
  {
    pages: 'docs/TIME-MACHINE.md',
    begins: 'bin/trireme get configmap shop --at',
    trial: { how: 'run', instead: created, says: /colour: blue/ },
  },
  { pages: 'docs/TIME-MACHINE.md', begins: 'bin/trireme get', trial: { how: 'run' } },
  {
    pages: 'docs/TIME-MACHINE.md',
    begins: 'bin/trireme diff',
    // Exit code 1 says that something differs.
    trial: {
      how: 'run',
      instead: { ...created, 'bin/trireme diff': '! bin/trireme diff' },
      says: /colour: green/,
    },
  },
  {
    pages: 'docs/TIME-MACHINE.md',
    begins: 'bin/trireme rewind',
    trial: { how: 'run', instead: created, says: /data\.colour: green -> blue\n.*rewound/ },
  },

  {
    pages: 'docs/OPERATIONS.md',
    begins: 'sudo trireme token create',
    trial: { how: 'run', instead: { 'sudo ': '' }, says: /--token \S+ --ca-hash sha256:/ },
  },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'trireme cluster status',
    trial: { how: 'run', says: /LEADER/ },
  },
  { pages: 'docs/OPERATIONS.md', begins: 'trireme cluster watch', trial: { how: 'look' } },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'trireme member list',
    trial: { how: 'run', says: /LEADER/ },
  },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'trireme member remove',
    trial: { how: 'check', why: others },
  },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'trireme cluster transfer master-2',
    trial: { how: 'run', instead: { 'master-2': 'master-1' }, says: /leads/ },
  },
  { pages: 'docs/OPERATIONS.md', begins: 'trireme token list', trial: { how: 'run' } },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'P=/var/lib/trireme/master/pki',
    trial: { how: 'run', instead: { '/var/lib/trireme/master': '$TRIREME_HOME/master-1' } },
  },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'export ETCDCTL_API=3',
    trial: { how: 'run', instead: { 'https://127.0.0.1:2379': 'ENDPOINT' } },
  },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'etcdctl endpoint status --cluster',
    trial: { how: 'run', says: /3\.5\./ },
  },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'trireme worker --runtime=cri',
    trial: { how: 'check', why: 'test/cluster/cri-node.test.ts does it' },
  },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'kubectl -n kube-system get leases',
    trial: { how: 'run', says: /kube-scheduler/ },
  },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'kubectl drain NODE',
    trial: {
      how: 'run',
      instead: { NODE: 'worker-1' },
      says: /"worker-1" deleted/,
    },
  },
  { pages: 'docs/OPERATIONS.md', begins: 'etcdctl snapshot save', trial: { how: 'run' } },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'tar ',
    trial: { how: 'run', instead: { '/var/lib/trireme/master': '$TRIREME_HOME/master-1' } },
  },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'trireme etcd snapshot status',
    trial: { how: 'run', says: /REVISION|TOTAL KEYS/i },
  },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'trireme etcd snapshot restore',
    trial: { how: 'run', instead: { '/var/lib/trireme/etcd': 'restored' } },
  },
  { pages: 'docs/OPERATIONS.md', begins: 'etcdctl alarm', trial: { how: 'run' } },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'etcdctl member list -w json',
    trial: { how: 'run', says: /master-1/ },
  },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'etcdctl compaction',
    trial: { how: 'run', says: /compacted/ },
  },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'trireme snapshot list',
    trial: {
      how: 'check',
      why: 'the first snapshot may not be there yet; src/cli/commands/snapshot.test.ts lists some',
    },
  },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'trireme snapshot schedule --interval',
    trial: { how: 'run', says: /every 1h and keeps the last 48 of its own/ },
  },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'trireme snapshot schedule',
    trial: { how: 'run', says: /nothing is set: every master takes a snapshot every 4h/ },
  },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'trireme snapshot save',
    trial: { how: 'run', says: /^saved \S+\.db: revision \d+/ },
  },
  { pages: 'docs/OPERATIONS.md', begins: 'scripts/down', trial: { how: 'run', instead: stop } },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'trireme snapshot restore cluster.db',
    trial: { how: 'check', why: 'test/cluster/snapshot-restore.test.ts does it' },
  },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'trireme snapshot restore backup.db --dry-run',
    trial: { how: 'run', says: /1\. the keys in \S+ stay\n2\. master-1 gets the data/ },
  },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'trireme snapshot restore backup.db',
    trial: { how: 'run', says: /1 nodes are ready/ },
  },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'trireme doctor',
    trial: { how: 'run', says: /ok +quorum +1 of 1 masters that vote answer[^]* 0 problems/ },
  },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'trireme cert list',
    trial: {
      how: 'run',
      instead: { list: 'list --data-dir $TRIREME_HOME/master-1' },
      says: /etcd-ca\.crt +CN=trireme-etcd-ca .* days/,
    },
  },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'trireme cert rotate --only=encryption',
    trial: {
      how: 'run',
      says: /^trust \(encryption\)[^]*Secrets are written again[^]*\ndone: enc/,
    },
  },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'trireme cert rotate',
    trial: { how: 'check', why: 'test/cluster/key-rotation.test.ts does it' },
  },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'trireme upgrade',
    trial: { how: 'check', why: 'test/e2e/upgrade.test.ts does it' },
  },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'trireme cert renew',
    trial: { how: 'check', why: 'test/e2e/expired.test.ts does it' },
  },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'kubectl apply -f examples/load-balancer.yaml',
    trial: { how: 'run' },
  },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'kubectl wait service/web',
    trial: { how: 'run', says: /condition met/ },
  },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'kubectl get service web',
    trial: { how: 'run', says: /LoadBalancer .* 192\.168\.5\.200 / },
  },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'kubectl apply -f examples/monitoring/access.yaml',
    trial: { how: 'run' },
  },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'kubectl -n kube-system get secret trireme-metrics',
    trial: { how: 'check', why: monitoring },
  },
  { pages: 'docs/OPERATIONS.md', begins: 'cp ', trial: { how: 'check', why: monitoring } },
  { pages: 'docs/OPERATIONS.md', begins: 'echo 4 |', trial: { how: 'check', why: monitoring } },
  { pages: 'docs/OPERATIONS.md', begins: 'curl -X PUT', trial: { how: 'check', why: monitoring } },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'trireme token create',
    trial: { how: 'run', says: /--token \S+ --ca-hash sha256:/ },
  },
  { pages: 'docs/OPERATIONS.md', begins: 'etcdctl member', trial: { how: 'check', why: others } },
  { pages: 'docs/OPERATIONS.md', begins: 'rm -rf DATA-DIR', trial: { how: 'check', why: others } },
  { pages: 'docs/OPERATIONS.md', begins: 'trireme etcd …', trial: { how: 'check', why: others } },
  {
    pages: 'docs/OPERATIONS.md',
    begins: 'sudo /opt/trireme/scripts/install recover',
    trial: { how: 'check', why: 'test/cluster/master-recover.test.ts does it, without a service' },
  },
  { pages: 'docs/OPERATIONS.md', begins: 'sudo ', trial: { how: 'check', why: machine } },
  { pages: 'docs/OPERATIONS.md', begins: 'git pull', trial: { how: 'check', why: machine } },
  { pages: 'docs/OPERATIONS.md', begins: 'systemctl', trial: { how: 'check', why: machine } },
  { pages: 'docs/OPERATIONS.md', begins: 'journalctl', trial: { how: 'check', why: machine } },

  // Tests and benchmarks.
  {
    pages: 'docs/TESTING.md',
    begins: 'node dist/test/sim/',
    trial: { how: 'run', instead: few },
  },
  { pages: 'docs/RAFT.md', begins: 'node dist/test/sim/', trial: { how: 'run', instead: few } },
  {
    pages: 'test/sim/README.md',
    begins: 'node dist/test/sim/',
    trial: { how: 'run', instead: few },
  },
  {
    pages: 'test/conformance/suite/README.md',
    begins: 'test/conformance/suite/',
    trial: { how: 'check', why: hour },
  },
  { pages: 'docs/TESTING.md', begins: './scripts/test', trial: { how: 'check', why: level } },
  { pages: 'docs/TESTING.md', begins: 'npx tsc', trial: { how: 'check', why: level } },
  { pages: 'docs/TESTING.md', begins: 'POWER_LOSS_SEED', trial: { how: 'check', why: minutes } },
  { pages: 'docs/TESTING.md', begins: 'CONTAINERD_DIR', trial: { how: 'check', why: minutes } },
  { pages: 'docs/TESTING.md', begins: 'FUZZ_SEED', trial: { how: 'check', why: minutes } },
  { pages: 'docs/ARCHITECTURE.md', begins: 'npx tsc', trial: { how: 'check', why: level } },
  { pages: 'docs/RAFT.md', begins: 'NODE_OPTIONS', trial: { how: 'check', why: level } },
  { pages: 'docs/BENCHMARKS.md', begins: 'scripts/test', trial: { how: 'check', why: minutes } },
  { pages: 'bench/etcd/README.md', begins: '', trial: { how: 'check', why: minutes } },
  { pages: 'src/lib/http2/README.md', begins: '', trial: { how: 'check', why: minutes } },
  { pages: 'test/chaos/README.md', begins: '', trial: { how: 'check', why: minutes } },
  { pages: 'test/robustness/README.md', begins: '', trial: { how: 'check', why: minutes } },
];

/** Returns the trial of a command, by the first row that fits; undefined for a command without one. */
export function trialOf(page: string, command: string): Trial | undefined {
  return rows.find((row) => row.pages === page && command.startsWith(row.begins))?.trial;
}

/** Rows that fit none of the commands. */
export function uselessRows(
  commands: readonly { readonly page: string; readonly command: string }[],
): string[] {
  const used = new Set(commands.map(({ page, command }) => trialOf(page, command)));
  return rows
    .filter(({ trial }) => !used.has(trial))
    .map(({ pages, begins }) => `${pages}: ${begins}`);
}

import type { CommandSpec } from './command/spec.js';

/** A command that is declared as data: its line in `--help`, and how it is loaded. */
export interface KubeCommand {
  readonly summary: string;
  readonly load: () => Promise<CommandSpec>;
}

/** The commands for those who run a cluster, as far as they are declared as data. */
export const clusterCommands: Readonly<Record<string, KubeCommand>> = {
  cluster: {
    summary: 'show or watch masters, who leads, and workers; transfer or kill leadership',
    load: async () => (await import('./commands/cluster.js')).clusterCommand,
  },
  member: {
    summary: 'list, add, remove and promote members of the store',
    load: async () => (await import('./commands/member.js')).memberCommand,
  },
  token: {
    summary: 'create, list and delete the tokens with which machines join',
    load: async () => (await import('./commands/token.js')).tokenCommand,
  },
  snapshot: {
    summary: 'save, list and schedule snapshots of the store; restore a cluster from one',
    load: async () => (await import('./commands/snapshot.js')).snapshotCommand,
  },
  cert: {
    summary:
      'list certificates, renew those of a worker that was off, exchange authorities and keys',
    load: async () => (await import('./commands/cert.js')).certCommand,
  },
  upgrade: {
    summary: 'bring a cluster to another build, one machine after the other',
    load: async () => (await import('./commands/upgrade.js')).upgradeCommand,
  },
};

/** The commands that kubectl's users know, in the order of help. */
export const kubeCommands: Readonly<Record<string, KubeCommand>> = {
  get: {
    summary: 'list objects, or print some of them',
    load: async () => (await import('./commands/get.js')).getCommand,
  },
  describe: {
    summary: 'show objects in detail, with their events',
    load: async () => (await import('./commands/describe.js')).describeCommand,
  },
  why: {
    summary: 'say why something does not work, and what would mend it',
    load: async () => (await import('./commands/why.js')).whyCommand,
  },
  trace: {
    summary: "say where the time of a pod's start, or of a write, went",
    load: async () => (await import('./commands/trace.js')).traceCommand,
  },
  history: {
    summary: 'show who changed which field of an object, and when',
    load: async () => (await import('./commands/history.js')).historyCommand,
  },
  rewind: {
    summary: 'make an object what it was at a time or a revision',
    load: async () => (await import('./commands/rewind.js')).rewindCommand,
  },
  explain: {
    summary: 'show what the fields of a kind mean',
    load: async () => (await import('./commands/explain.js')).explainCommand,
  },
  events: {
    summary: 'show what happened, the latest last',
    load: async () => (await import('./commands/events.js')).eventsCommand,
  },
  logs: {
    summary: 'print what containers wrote',
    load: async () => (await import('./commands/logs.js')).logsCommand,
  },
  exec: {
    summary: 'run a command in a container',
    load: async () => (await import('./commands/exec.js')).execCommand,
  },
  attach: {
    summary: 'join the streams of a container that runs',
    load: async () => (await import('./commands/attach.js')).attachCommand,
  },
  cp: {
    summary: 'copy files to and from containers',
    load: async () => (await import('./commands/cp.js')).cpCommand,
  },
  'port-forward': {
    summary: 'open ports of a pod on this machine',
    load: async () => (await import('./commands/port-forward.js')).portForwardCommand,
  },
  proxy: {
    summary: 'serve the API on a port of this machine, with our credentials',
    load: async () => (await import('./commands/proxy.js')).proxyCommand,
  },
  debug: {
    summary: 'run a helper beside a container, or on a node',
    load: async () => (await import('./commands/debug.js')).debugCommand,
  },
  top: {
    summary: 'show what nodes and pods use',
    load: async () => (await import('./commands/top.js')).topCommand,
  },
  apply: {
    summary: 'create objects, or change them, as files say',
    load: async () => (await import('./commands/apply.js')).applyCommand,
  },
  diff: {
    summary: 'show what apply would change, or what has changed since',
    load: async () => (await import('./commands/diff.js')).diffCommand,
  },
  create: {
    summary: 'create objects from files or from words',
    load: async () => (await import('./commands/create.js')).createCommand,
  },
  run: {
    summary: 'run an image in a pod',
    load: async () => (await import('./commands/run.js')).runPodCommand,
  },
  expose: {
    summary: 'make a service for a workload',
    load: async () => (await import('./commands/expose.js')).exposeCommand,
  },
  edit: {
    summary: 'change objects in an editor',
    load: async () => (await import('./commands/edit.js')).editCommand,
  },
  patch: {
    summary: 'change fields of objects',
    load: async () => (await import('./commands/patch.js')).patchCommand,
  },
  replace: {
    summary: 'replace objects by those of files',
    load: async () => (await import('./commands/replace.js')).replaceCommand,
  },
  set: {
    summary: 'set image, env, resources, selector, service account, subject',
    load: async () => (await import('./commands/set.js')).setCommand,
  },
  label: {
    summary: 'set or remove labels',
    load: async () => (await import('./commands/label.js')).labelCommand,
  },
  annotate: {
    summary: 'set or remove annotations',
    load: async () => (await import('./commands/annotate.js')).annotateCommand,
  },
  scale: {
    summary: 'set the number of replicas',
    load: async () => (await import('./commands/scale.js')).scaleCommand,
  },
  autoscale: {
    summary: 'let the number of replicas follow the load',
    load: async () => (await import('./commands/autoscale.js')).autoscaleCommand,
  },
  rollout: {
    summary: 'show, undo, restart or pause the rollout of a workload',
    load: async () => (await import('./commands/rollout.js')).rolloutCommand,
  },
  delete: {
    summary: 'delete objects, and wait until they are gone',
    load: async () => (await import('./commands/delete.js')).deleteCommand,
  },
  wait: {
    summary: 'wait until objects are as they should be',
    load: async () => (await import('./commands/wait.js')).waitCommand,
  },
  taint: {
    summary: 'keep pods away from nodes',
    load: async () => (await import('./commands/taint.js')).taintCommand,
  },
  cordon: {
    summary: 'let no more pods come to nodes',
    load: async () => (await import('./commands/cordon.js')).cordonCommand,
  },
  uncordon: {
    summary: 'let pods come to nodes again',
    load: async () => (await import('./commands/cordon.js')).uncordonCommand,
  },
  drain: {
    summary: 'move all pods away from nodes',
    load: async () => (await import('./commands/drain.js')).drainCommand,
  },
  auth: {
    summary: 'show what we may do and who we are, and reconcile roles',
    load: async () => (await import('./commands/auth.js')).authCommand,
  },
  dashboard: {
    summary: 'print the address of the dashboard, and a token to sign in with',
    load: async () => (await import('./commands/dashboard.js')).dashboardCommand,
  },
  config: {
    summary: 'change kubeconfigs: contexts, clusters, users',
    load: async () => (await import('./commands/config.js')).configCommand,
  },
  'cluster-info': {
    summary: 'show where the masters and the services of the cluster are',
    load: async () => (await import('./commands/cluster-info.js')).clusterInfoCommand,
  },
  'api-resources': {
    summary: 'list the kinds that the server has',
    load: async () => (await import('./commands/api-resources.js')).apiResourcesCommand,
  },
  'api-versions': {
    summary: 'list the groups and versions that the server has',
    load: async () => (await import('./commands/api-versions.js')).apiVersionsCommand,
  },
  completion: {
    summary: 'print a script with which a shell completes commands, flags and names',
    load: async () => (await import('./commands/completion.js')).completionCommand,
  },
};

/** All commands that are declared as data: help, completion, man pages and the reference page are made of them. */
export const declaredCommands: Readonly<Record<string, KubeCommand>> = {
  ...clusterCommands,
  ...kubeCommands,
};

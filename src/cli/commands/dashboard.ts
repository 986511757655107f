import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import { goDurationMs } from '../kube/duration.js';
import { withSession } from '../kube/session.js';
import type { KubeClient } from '../kube/types.js';
import { fieldManager } from '../kube/types.js';

const namespace = 'kube-system';

/** `trireme dashboard`. */
export const dashboardCommand = defineCommand({
  name: 'dashboard',
  summary: 'print the address of the dashboard, and a token to sign in with',
  usage: '',
  examples: [
    ['for an hour, with all rights', 'trireme dashboard'],
    ['for a day, only to look', 'trireme dashboard --clusterrole=view --duration=24h'],
  ],
  flags: {
    clusterrole: {
      type: 'text',
      default: 'cluster-admin',
      value: 'NAME',
      help: 'what the token allows, in all namespaces',
    },
    duration: { type: 'text', default: '1h', value: 'DURATION', help: 'how long it is valid' },
  },
  completes: 'nothing',
  run: async (invocation) => {
    const { args, flags, context } = invocation;
    if (args.length > 0) throw new CommandLineError('no arguments are taken');
    const seconds = goDurationMs(flags.duration) / 1000;
    await withSession(invocation, async ({ kube }) => {
      const objects = dashboardObjects(flags.clusterrole);
      for (const { path, body } of objects) await apply(kube, path, body);
      const name = accountName(flags.clusterrole);
      const { status } = await kube.json<{
        status: { token: string; expirationTimestamp: string };
      }>({
        method: 'POST',
        path: `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
        body: {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenRequest',
          spec: { expirationSeconds: seconds },
        },
      });
      context.out(`address:  ${kube.server}/ui/\n`);
      context.out(`valid to: ${status.expirationTimestamp}\n`);
      context.out(`token:    ${status.token}\n`);
    });
  },
});

/** Makes the object, or leaves it as it is. */
function apply(kube: KubeClient, path: string, body: object): Promise<unknown> {
  return kube.json({
    method: 'PATCH',
    path,
    query: { fieldManager, force: 'true' },
    contentType: 'application/apply-patch+yaml',
    body,
  });
}

/** A role's name may have what an account's may not. */
function accountName(clusterRole: string): string {
  return `dashboard-${clusterRole.toLowerCase().replaceAll(/[^a-z0-9.-]/g, '-')}`;
}

/** The account that the token is of, and what it may. They stay; without a token nobody is it. */
function dashboardObjects(clusterRole: string): { readonly path: string; readonly body: object }[] {
  const name = accountName(clusterRole);
  const rbac = 'rbac.authorization.k8s.io';
  return [
    {
      path: `/api/v1/namespaces/${namespace}/serviceaccounts/${name}`,
      body: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } },
    },
    {
      path: `/apis/${rbac}/v1/clusterrolebindings/${name}`,
      body: {
        apiVersion: `${rbac}/v1`,
        kind: 'ClusterRoleBinding',
        metadata: { name },
        roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: clusterRole },
        subjects: [{ kind: 'ServiceAccount', name, namespace }],
      },
    },
  ];
}

/** Asks both doors the same as random users, and tells where they disagree. */
import { Prng } from '../../src/lib/prng.js';
import type { RandomRequest } from './authorization-requests.js';
import { askGrpc, askRest, drawRequest, verdictOf } from './authorization-requests.js';
import type { Identity } from './two-doors.js';
import { TwoDoors } from './two-doors.js';

/** A disagreement. */
export interface Difference {
  readonly user: string;
  readonly request: RandomRequest;
  readonly answers: Readonly<Record<string, string>>;
}

export interface FuzzOutcome {
  readonly differences: readonly Difference[];
  /** Counts the verdicts, without their words. */
  readonly verdicts: Readonly<Record<string, number>>;
}

const rbac = 'rbac.authorization.k8s.io';
const rbacPath = `/apis/${rbac}/v1`;
const workers = 8;
const reportedMax = 20;

interface NamedObject {
  readonly metadata: { readonly name: string };
  readonly [field: string]: unknown;
}

/** `403` and not why: another version has other words. */
export function wordless(verdict: string): string {
  return verdict.startsWith('40') ? verdict.slice(0, 3) : verdict;
}

/** An API server with objects to find, and users of every sort. */
export class AuthorizationWorld {
  readonly doors: TwoDoors;
  readonly users: ReadonlyMap<string, Identity>;

  private constructor(doors: TwoDoors, users: ReadonlyMap<string, Identity>) {
    this.doors = doors;
    this.users = users;
  }

  static async start(): Promise<AuthorizationWorld> {
    const doors = await TwoDoors.start();
    const admin = await doors.identity('admin', 'system:masters');
    for (const [path, object] of worldObjects()) {
      const answer = await doors.rest(admin, 'POST', path, { body: object });
      if (answer.code !== 201) throw new Error(`${path}: ${answer.text}`);
    }
    const account = '/api/v1/namespaces/fuzz-team/serviceaccounts/default/token';
    const issued = await doors.rest(admin, 'POST', account, { body: { spec: {} } });
    const { status } = JSON.parse(issued.text) as { status: { token: string } };
    const users = new Map<string, Identity>([
      ['nobody', {}],
      ['a stranger with a token', { token: 'not.a.token' }],
      ['default service account', { token: status.token }],
      ['bootstrap token', { token: 'fuzz00.0123456789abcdef' }],
      ['node', await doors.identity('system:node:fuzz-n1', 'system:nodes')],
      ['node without the group', await doors.identity('system:node:fuzz-n1')],
      ['edit in team', await doors.identity('fuzz-editor')],
      ['cluster-admin in team', await doors.identity('fuzz-lead')],
      ['cluster viewer', await doors.identity('fuzz-viewer')],
      ['one secret by name', await doors.identity('fuzz-named')],
      ['every scale', await doors.identity('fuzz-scaler')],
      ['administrator', admin],
    ]);
    return new AuthorizationWorld(doors, users);
  }

  /** Asks `count` requests. @param ask further verdicts to compare with, without words */
  async run(
    seed: number,
    count: number,
    ask?: (user: string, request: RandomRequest) => Promise<Record<string, string>>,
  ): Promise<FuzzOutcome> {
    const prng = new Prng(seed);
    const users = [...this.users];
    const differences: Difference[] = [];
    const verdicts: Record<string, number> = {};
    let left = count;
    const work = async (): Promise<void> => {
      while (left-- > 0) {
        const [user, identity] = users[prng.below(users.length)] ?? ['', {}];
        const request = drawRequest(prng);
        const [rest, grpc, more] = await Promise.all([
          askRest(this.doors, identity, request),
          askGrpc(this.doors, identity, request),
          ask?.(user, request) ?? {},
        ]);
        const answers = { rest: verdictOf(rest), grpc: verdictOf(grpc), ...more };
        const [head = ''] = answers.rest.split(' ');
        verdicts[head] = (verdicts[head] ?? 0) + 1;
        const others = Object.values(more).every((verdict) => verdict === wordless(answers.rest));
        const agree = answers.rest === answers.grpc && others;
        if (!agree && differences.length < reportedMax)
          differences.push({ user, request, answers });
      }
    };
    await Promise.all(Array.from({ length: workers }, work));
    return { differences, verdicts };
  }

  stop(): Promise<void> {
    return this.doors.stop();
  }
}

function binding(user: string, role: string, namespace: string): [string, NamedObject] {
  const kind = namespace === '' ? 'clusterrolebindings' : 'rolebindings';
  const where = namespace === '' ? '' : `/namespaces/${namespace}`;
  const roleRef = { apiGroup: rbac, kind: 'ClusterRole', name: role };
  const subjects = [{ apiGroup: rbac, kind: 'User', name: user }];
  return [`${rbacPath}${where}/${kind}`, { metadata: { name: user }, roleRef, subjects }];
}

function role(name: string, rule: object): [string, NamedObject] {
  return [`${rbacPath}/clusterroles`, { metadata: { name }, rules: [rule] }];
}

/** The objects that requests may find or miss, and the bindings that allow them. */
export function* worldObjects(): Generator<[string, NamedObject]> {
  const team = '/api/v1/namespaces/fuzz-team';
  yield ['/api/v1/namespaces', { metadata: { name: 'fuzz-team' } }];
  yield ['/api/v1/namespaces', { metadata: { name: 'fuzz-other' } }];
  yield [`${team}/serviceaccounts`, { metadata: { name: 'default' } }];
  yield ['/api/v1/nodes', { metadata: { name: 'fuzz-n1' } }];
  yield ['/api/v1/nodes', { metadata: { name: 'fuzz-n2' } }];
  for (const name of ['site', 'other', 'used']) yield [`${team}/secrets`, { metadata: { name } }];
  const volumes = [{ name: 'v', secret: { secretName: 'used' } }];
  const containers = [{ name: 'c', image: 'i' }];
  yield [
    `${team}/pods`,
    { metadata: { name: 'p' }, spec: { nodeName: 'fuzz-n1', containers, volumes } },
  ];
  yield [
    '/apis/networking.k8s.io/v1/namespaces/fuzz-team/ingresses',
    {
      metadata: { name: 'web' },
      spec: {
        tls: [{ secretName: 'site' }],
        defaultBackend: { service: { name: 'web', port: { number: 80 } } },
      },
    },
  ];
  yield [
    '/api/v1/namespaces/kube-system/secrets',
    {
      metadata: { name: 'bootstrap-token-fuzz00' },
      type: 'bootstrap.kubernetes.io/token',
      stringData: {
        'token-id': 'fuzz00',
        'token-secret': '0123456789abcdef',
        'usage-bootstrap-authentication': 'true',
      },
    },
  ];
  yield role('fuzz-every-scale', { apiGroups: ['*'], resources: ['*/scale'], verbs: ['*'] });
  yield role('fuzz-one-secret', {
    apiGroups: [''],
    resources: ['secrets'],
    resourceNames: ['site'],
    verbs: ['*'],
  });
  yield binding('fuzz-editor', 'edit', 'fuzz-team');
  yield binding('fuzz-lead', 'cluster-admin', 'fuzz-team');
  yield binding('fuzz-viewer', 'view', '');
  yield binding('fuzz-scaler', 'fuzz-every-scale', '');
  yield binding('fuzz-named', 'fuzz-one-secret', 'fuzz-team');
}

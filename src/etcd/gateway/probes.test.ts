import { describe, expect, test } from '@jest/globals';
import { AlarmType } from '../../gen/etcd/rpc.js';
import { Telemetry } from '../telemetry/telemetry.js';
import type { HttpMember } from './plain-http.js';
import { answerProbe } from './probes.js';

interface State {
  readonly alarms?: readonly AlarmType[];
  readonly isLearner?: boolean;
  readonly problem?: string;
}

function member({ alarms = [], isLearner = false, problem }: State): HttpMember {
  return {
    config: { telemetry: new Telemetry() },
    alarms: { has: (kind: AlarmType) => alarms.includes(kind), list: () => [] },
    room: { shortage: undefined },
    isLearner,
    linearizable: () =>
      problem === undefined ? Promise.resolve() : Promise.reject(new Error(problem)),
  } as unknown as HttpMember;
}

async function ask(state: State, path: string, method = 'GET'): Promise<unknown> {
  const headers: Record<string, string> = {};
  let answer: unknown;
  const response = {
    setHeader: (name: string, value: string) => (headers[name] = value),
    writeHead: (status: number, more: object) => {
      Object.assign(headers, more);
      answer = status;
    },
    end: (body: string) => (answer = [answer, body]),
  };
  const url = new URL(path, 'http://localhost');
  const isProbe = await answerProbe(member(state), url, { method } as never, response as never);
  return isProbe ? answer : 'no probe';
}

describe('probes answer as those of etcd 3.6', () => {
  const all = '[+]data_corruption ok\n[+]serializable_read ok\n[+]linearizable_read ok\n';
  const corrupt = { alarms: [AlarmType.CORRUPT] };
  test.each<[string, State, string, unknown]>([
    ['all is well', {}, '/readyz', [200, 'ok\n']],
    ['with its checks', {}, '/readyz?verbose', [200, `${all}[+]non_learner ok\nok\n`]],
    [
      'of one check',
      {},
      '/livez/serializable_read?verbose',
      [200, '[+]serializable_read ok\nok\n'],
    ],
    [
      'corrupt',
      corrupt,
      '/readyz/data_corruption',
      [503, '[-]data_corruption failed: alarm activated: CORRUPT\n\n'],
    ],
    ['corrupt, and alive', corrupt, '/livez', [200, 'ok\n']],
    ['corrupt, passed over', corrupt, '/readyz?exclude=data_corruption&exclude=x', [200, 'ok\n']],
    [
      'corrupt, asked for',
      corrupt,
      '/readyz/data_corruption?exclude=data_corruption',
      [503, '[-]data_corruption failed: alarm activated: CORRUPT\n\n'],
    ],
    [
      'a learner',
      { isLearner: true },
      '/readyz',
      [503, `${all}[-]non_learner failed: not supported for learner\n\n`],
    ],
    [
      'no quorum',
      { problem: 'etcdserver: request timed out' },
      '/readyz/linearizable_read',
      [503, '[-]linearizable_read failed: etcdserver: request timed out\n\n'],
    ],
    ['a check of the other', {}, '/livez/data_corruption', 'no probe'],
    ['no check', {}, '/readyz/constructor', 'no probe'],
    ['too long a path', {}, '/readyz/data_corruption/x', 'no probe'],
  ])('%s', async (_, state, path, answer) => {
    expect(await ask(state, path)).toEqual(answer);
  });

  test('it is read, not written', async () => {
    expect(await ask({}, '/livez', 'POST')).toEqual([405, 'Method Not Allowed\n']);
  });
});

import { describe, expect, test } from '@jest/globals';
import type { FoundMaster, RestoreFacts } from './restore-plan.js';
import { planRestore } from './restore-plan.js';

const master = (name: string, found: Partial<FoundMaster> = {}): FoundMaster => ({
  name,
  dataDir: `/h/${name}`,
  isAlive: false,
  hasData: true,
  hasKeys: true,
  ...found,
});
const empty = { hasData: false, hasKeys: false };
const home = { kind: 'home', home: '/h', stopCommand: 'scripts/down --home /h' } as const;
const facts: RestoreFacts = {
  file: 'a.db',
  revision: 7,
  fileHasKeys: false,
  target: home,
  masters: [master('master-1'), master('master-2')],
  othersThatAnswer: [],
};

describe('is refused', () => {
  test.each<[string, Partial<RestoreFacts>, string]>([
    [
      'while a master runs',
      { masters: [master('master-1'), master('master-2', { isAlive: true })] },
      'master-2 runs: a restore replaces all that the cluster holds. Stop it first: scripts/down --home /h',
    ],
    [
      'while others answer',
      { othersThatAnswer: ['m2 (10.0.0.2:6444)'] },
      'the cluster lives on other machines, where m2 (10.0.0.2:6444) answers: a restore here would make a second one. ' +
        'To come back to it: join again; to replace it: stop its masters first',
    ],
    [
      'without keys',
      { masters: [master('master-1', empty)] },
      'there are no keys in /h/master-1/pki, and a.db brings none (snapshot save --with-keys): ' +
        'unpack the keys of the cluster there first; without them Secrets cannot be read',
    ],
    ['without a master', { masters: [] }, 'there is no master to restore'],
  ])('%s', (_, changed, refusal) => {
    expect(planRestore({ ...facts, ...changed })).toEqual({ refusal });
  });
});

describe('does', () => {
  test.each<[string, Partial<RestoreFacts>, string[]]>([
    [
      'one master of a home, and the others join it',
      {},
      [
        'keys master-1: the keys in /h/master-1/pki stay',
        'data master-1: master-1 gets the data of a.db, revision 7, and is the only master; what it has is put aside',
        'aside master-2: the data of master-2 are put aside',
        'start master-1: the cluster is started, and its other masters join again',
      ],
    ],
    [
      'the master that still has keys',
      { masters: [master('master-1', empty), master('master-2')], fileHasKeys: true },
      [
        'keys master-2: the keys in /h/master-2/pki stay; with those of the file its Secrets are read',
        'data master-2: master-2 gets the data of a.db, revision 7, and is the only master; what it has is put aside',
        'start master-2: the cluster is started, and its other masters join again',
      ],
    ],
    [
      'an empty machine',
      {
        target: { kind: 'given', stopCommand: '' },
        masters: [master('m1', empty)],
        fileHasKeys: true,
      },
      [
        'keys m1: the keys of the file go to /h/m1/pki',
        'data m1: m1 gets the data of a.db, revision 7, and is the only master',
        'start m1: it is yours to start it',
      ],
    ],
  ])('%s', (_, changed, steps) => {
    const plan = planRestore({ ...facts, ...changed });
    if ('refusal' in plan) throw new Error(plan.refusal);
    expect(plan.steps.map((step) => `${step.kind} ${step.master}: ${step.text}`)).toEqual(steps);
  });
});

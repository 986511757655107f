/** What a restore does, decided before anything is changed: pure. */

/** A master, as it is found. */
export interface FoundMaster {
  readonly name: string;
  readonly dataDir: string;
  /** Its process runs. */
  readonly isAlive: boolean;
  /** It has data of a cluster. */
  readonly hasData: boolean;
  /** It has the keys of a cluster. */
  readonly hasKeys: boolean;
}

/** The place that a cluster is made in again. */
export type RestoreTarget =
  | { readonly kind: 'home'; readonly home: string; readonly stopCommand: string }
  | { readonly kind: 'installed'; readonly stopCommand: string }
  | { readonly kind: 'given'; readonly stopCommand: string };

/** All that the plan depends on. */
export interface RestoreFacts {
  readonly file: string;
  readonly revision: number;
  /** The file brings keys along. */
  readonly fileHasKeys: boolean;
  readonly target: RestoreTarget;
  /** By name; a home's that has none yet is given the one that it begins with. */
  readonly masters: readonly FoundMaster[];
  /** Masters on other machines that answer: `m2 (10.0.0.12:6444)`. */
  readonly othersThatAnswer: readonly string[];
}

/** One thing that is done. */
export interface RestoreStep {
  readonly kind: 'keys' | 'data' | 'aside' | 'start';
  /** The master that it concerns. */
  readonly master: string;
  readonly text: string;
}

/** The steps in order, or why there are none. */
export type RestorePlan =
  | { readonly refusal: string }
  | { readonly master: FoundMaster; readonly steps: readonly RestoreStep[] };

/** Plans a restore: one master gets the data, the others of a home begin empty and join it again. */
export function planRestore(facts: RestoreFacts): RestorePlan {
  const { masters, target, fileHasKeys, file } = facts;
  const alive = masters.filter(({ isAlive }) => isAlive).map(({ name }) => name);
  if (alive.length > 0) {
    const run = alive.length === 1 ? `${alive[0]} runs` : `${alive.join(', ')} run`;
    return {
      refusal: `${run}: a restore replaces all that the cluster holds. Stop it first: ${target.stopCommand}`,
    };
  }
  if (facts.othersThatAnswer.length > 0) {
    return {
      refusal:
        `the cluster lives on other machines, where ${facts.othersThatAnswer.join(', ')} answers: a restore here would ` +
        'make a second one. To come back to it: join again; to replace it: stop its masters first',
    };
  }
  const master = masters.find(({ hasKeys }) => hasKeys) ?? masters[0];
  if (master === undefined) return { refusal: 'there is no master to restore' };
  if (!master.hasKeys && !fileHasKeys) {
    return {
      refusal:
        `there are no keys in ${master.dataDir}/pki, and ${file} brings none (snapshot save --with-keys): ` +
        'unpack the keys of the cluster there first; without them Secrets cannot be read',
    };
  }
  return { master, steps: stepsOf(facts, master) };
}

function stepsOf(facts: RestoreFacts, { name, dataDir, ...found }: FoundMaster): RestoreStep[] {
  const { file, revision, fileHasKeys, target } = facts;
  const others = facts.masters.filter((one) => one.name !== name && one.hasData);
  const keys = found.hasKeys
    ? `the keys in ${dataDir}/pki stay${fileHasKeys ? '; with those of the file its Secrets are read' : ''}`
    : `the keys of the file go to ${dataDir}/pki`;
  const start = {
    home: 'the cluster is started, and its other masters join again',
    installed: 'the service is started',
    given: 'it is yours to start it',
  }[target.kind];
  return [
    { kind: 'keys', master: name, text: keys },
    {
      kind: 'data',
      master: name,
      text: `${name} gets the data of ${file}, revision ${revision}, and is the only master${
        found.hasData ? '; what it has is put aside' : ''
      }`,
    },
    ...others.map((other): RestoreStep => ({
      kind: 'aside',
      master: other.name,
      text: `the data of ${other.name} are put aside`,
    })),
    { kind: 'start', master: name, text: start },
  ];
}

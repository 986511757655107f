/** Differences that are meant, each with its reason. */

interface Known {
  /** Of `STEP KIND/NAME`. */
  readonly key: RegExp;
  readonly line: RegExp;
  readonly why: string;
}

const known: readonly Known[] = [
  {
    key: /Event\//,
    line: /- eventTime|- source = \{\}|\+ (count|firstTimestamp|lastTimestamp|source.component) =/,
    why: "the scheduler's events are counted as the controllers' are, not as series",
  },
  {
    key: /Deployment\//,
    line: /managed\.kube-controller-manager\.\./,
    why: 'the revision is written before the status',
  },
];

/** @param line a line with its sign */
export function isKnown(key: string, line: string): boolean {
  return known.some((each) => each.key.test(key) && each.line.test(line));
}

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
    key: /Event\//,
    line: /reportingComponent = /,
    why: 'an event that combines similar ones names its component, as they do',
  },
  {
    key: /Event\/PersistentVolumeClaim\/.* (ProvisioningFailed|ExternalProvisioning|FailedBinding|WaitFor\w+)/,
    line: /count = /,
    why: 'there, what a claim waits for is told again every 15 seconds',
  },
  {
    key: /Event\/Pod\/.* FailedScheduling/,
    line: /series\./,
    why: 'how often a pod is tried again while nothing changes is a matter of time',
  },
  {
    key: /ResourceQuota\//,
    line: /managed\.kube-apiserver\./,
    why: "what admission adds to the usage is the API server's own and has no manager here",
  },
  {
    key: /StatefulSet\//,
    line: /rollingUpdate\.maxUnavailable = /,
    why: 'maxUnavailable of a StatefulSet is heeded; there its gate is off, and the field is dropped',
  },
  {
    key: /Pod\//,
    line: /spec\.volumes\[\d+\]\.(name|persistentVolumeClaim\.claimName) = "(data|logs)/,
    why: 'the volumes of claim templates are in an order of chance there',
  },
];

/** @param line a line with its sign */
export function isKnown(key: string, line: string): boolean {
  return known.some((each) => each.key.test(key) && each.line.test(line));
}

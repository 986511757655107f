/**
 * Where our answers to mutated samples are not those of Kubernetes 1.33, each kind with its reason. What nobody has
 * weighed yet stands in `testdata/validation-open.txt`.
 */

/** A kind of difference: `at` matches `VERB SAMPLE FIELD MUTATION`. */
export interface KnownDifference {
  readonly at: RegExp;
  /** Matches the recorded answer; every one unless given. */
  readonly theirs?: RegExp;
  readonly why: string;
}

/** All kinds, the first that matches counts. */
export const knownDifferences: readonly KnownDifference[] = [
  {
    at: /^update pod-(sample|newer) spec\.(preemptionPolicy|priority)/,
    why: 'admission (Priority) puts the field back in an update; the replay has none',
  },
  {
    at: /^create pod-/,
    theirs:
      /^403 pods "\w+" is forbidden: (the string value of PreemptionPolicy|error looking up service account)/,
    why: 'admission (Priority, ServiceAccount) refuses it first; the replay has none',
  },
  {
    at: /\.ports twice$|^(create|update) job-indexed spec\.completions (del|null)$|x-kubernetes-preserve-unknown-fields other$/,
    theirs: /^500/,
    why: 'a fault of its own there, and a refusal here',
  },
  {
    at: /spec\.nodeAffinity\.required\..*\.key (del|empty)$/,
    why: 'an empty key counts there as the new name of a label that has none, and as no change',
  },
  {
    at: /revisionHistoryLimit negative$/,
    theirs: /^ok$/,
    why: 'fewer revisions than none are none; a controller would fall over it',
  },
  {
    at: /^update pod-newer spec\.securityContext\.seLinuxChangePolicy/,
    why: 'the policy cannot change; the list of those that could is that of new pods',
  },
  {
    at: /properties\.(size|count)\.(type|default|maximum|minimum|multipleOf) /,
    theirs:
      /less than 1$|type int64: "\w*"|type int32: "(int64|float64)"|must be positive|equal to 1$|^ok$/,
    why: 'numbers of defaults are checked in the types of Go there, bounds and factors cut to whole numbers',
  },
  {
    at: /\.(rule|expression|valueExpression|messageExpression) \w+$/,
    theirs: /Syntax error/,
    why: 'a generated parser reads on after an error, and says what else could stand there; ours stops',
  },
  {
    at: /schema\.openAPIV3Schema\.\S*\.type \w+$/,
    theirs: /FieldValueTypeInvalid|failed to construct type information/,
    why: 'values and rules are not held against a type that is none',
  },
  {
    at: /schema\.openAPIV3Schema\./,
    theirs: /rule compile error/,
    why: 'a default is not asked whether rules hold that name fields which are not there',
  },
  {
    at: /containerResource\.name/,
    theirs: /Invalid value: <value>: /,
    why: 'the name of a resource is quoted in one of two errors there, and in pods in none',
  },
  {
    at: /ports\[0\]\.hostIP/,
    why: 'an address that is none would make a rule that no packet meets',
  },
  {
    at: /^(create|update) pod-/,
    theirs: /volume(Mount|Device)s\[\d\]\.name: Not found/,
    why: 'a mount of a volume that is refused is not reported as missing once more',
  },
  {
    at: /statefulset-\w+ spec(\.template| |\.volumeClaimTemplates)/,
    why: 'the template of a StatefulSet is checked before its pods are refused',
  },
  {
    at: /daemonset-\w+ spec(\.selector)? (del|null|empty)/,
    why: 'a missing selector is named beside the template that it does not match',
  },
  {
    at: /^update job-/,
    theirs: /spec\.selector: Required/,
    why: 'an update without the made selector is refused either way: as a change here, as missing there too',
  },
  {
    at: / number$/,
    theirs:
      /cannot unmarshal number into Go struct field \S+ of type (\[\])?(v\d|types)\.[A-Z]\w+$/,
    why: 'a text is named as such, not by the name that its type has in Go; the field is the same',
  },
  {
    at: /^create certificatesigningrequest-sample spec\.extra(\.a)? (list|object)$/,
    why: 'a list of texts has a name of its own in Go; the field is the same',
  },
  {
    at: /^(create|update) /,
    theirs: /\(0x[0-9a-f]+\)/,
    why: 'the refused struct is shown there with addresses in the memory of that process',
  },
];

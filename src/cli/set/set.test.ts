/** What `set` makes of objects, and how it refuses, against kubectl. */
import { afterAll, expect, test } from '@jest/globals';
import { FakeCluster } from '../testkit/fake-cluster.js';
import type { KubectlCase } from '../testkit/kubectl-answers.js';
import { KubectlAnswers } from '../testkit/kubectl-answers.js';

const folder = 'src/cli/set/testdata';
const answers = new KubectlAnswers(`${folder}/set.txt`, () =>
  FakeCluster.load(`${folder}/cluster.yaml`),
);
afterAll(() => answers.save());

const containers = 'jsonpath={.spec.template.spec.containers}';

const cases: readonly KubectlCase[] = [
  ['an image', `set image deployment/web main=nginx:2 -o ${containers}`],
  [
    'images of two containers',
    `set image deployment/web main=nginx:2 logs=busybox:2 -o ${containers}`,
  ],
  [
    'the image of all containers',
    "set image deployment/web *=nginx:2 -o jsonpath={.spec.template.spec['containers','initContainers'][*].image}",
  ],
  [
    'the image of a container that runs before',
    'set image deployment/web first=busybox:2 -o jsonpath={.spec.template.spec.initContainers[*].image}',
  ],
  ['an image, in words', 'set image deployment/web main=nginx:2'],
  ['an image that is there already', 'set image deployment/web main=nginx:1'],
  ['an image that is there already, as output', 'set image deployment/web main=nginx:1 -o name'],
  [
    'a variable that is there already, as output',
    'set env deployment/web -c main COLOUR=blue -o name',
  ],
  [
    'limits that are there already, as output',
    'set resources deployment/web -c main --limits=cpu=500m -o name',
  ],
  ['an image of a container that is not there', 'set image deployment/web other=nginx'],
  ['an image of what has none', 'set image service/web main=nginx'],
  ['no image', 'set image deployment/web'],
  ['an image that is empty', 'set image deployment/web main='],
  ['an image of nothing', 'set image main=nginx'],
  ['an image of an object that is not there', 'set image deployment/nobody main=nginx'],
  [
    'the image of a pod',
    'set image pod alone main=nginx:2 -o jsonpath={.spec.containers[*].image}',
  ],
  ['images of all deployments', 'set image deployments --all main=nginx:2'],
  ['a variable', `set env deployment/web SIZE=big -o ${containers}`],
  [
    'a variable with an equals sign in it',
    `set env deployment/web SIZE=a=b -c logs -o ${containers}`,
  ],
  ['a variable of one container', `set env deployment/web SIZE=big -c logs -o ${containers}`],
  [
    'a variable of containers by a pattern',
    `set env deployment/web SIZE=big -c l* -o ${containers}`,
  ],
  ['a variable that is there', `set env deployment/web COLOUR=red -c main -o ${containers}`],
  ['a variable that comes from elsewhere', `set env deployment/web POD=x -c main -o ${containers}`],
  ['a variable that must not change', 'set env deployment/web COLOUR=red --overwrite=false'],
  ['a variable that goes', `set env deployment/web COLOUR- -c main -o ${containers}`],
  ['a variable that is not there goes', 'set env deployment/web NOTHING-'],
  ['a variable that comes and goes', 'set env deployment/web A=b A-'],
  ['variables of the flag', `set env deployment/web -e A=b -e C=d -c logs -o ${containers}`],
  [
    'all keys of a config map',
    `set env deployment/web --from=configmap/settings -c logs -o ${containers}`,
  ],
  [
    'all keys of a secret with a prefix',
    `set env deployment/web --from=secret/login --prefix=DB_ -c logs -o ${containers}`,
  ],
  [
    'some keys of a secret',
    `set env deployment/web --from=secret/login --keys=user -c logs -o ${containers}`,
  ],
  [
    'keys of a secret that are not there',
    'set env deployment/web --from=secret/login --keys=nothing -c logs',
  ],
  ['variables from what has no keys', 'set env deployment/web --from=service/web'],
  ['variables from what is not there', 'set env deployment/web --from=configmap/nobody'],
  ['no variable', 'set env deployment/web'],
  ['a variable with a wrong name', "set env deployment/web 'A B=c'"],
  ['variables of a container that is not there', 'set env deployment/web A=b -c other'],
  ['variables of what has none', 'set env service/web A=b'],
  ['the variables that there are', 'set env deployment/web --list'],
  ['the variables of one container', 'set env deployment/web --list -c logs'],
  [
    'limits and requests',
    `set resources deployment/web --limits=cpu=1,memory=128Mi --requests=cpu=200m -o ${containers}`,
  ],
  [
    'limits of one container',
    `set resources deployment/web -c logs --limits=cpu=1 -o ${containers}`,
  ],
  [
    'limits that go',
    `set resources deployment/web --limits=cpu=0,memory=0 --requests=cpu=0 -o ${containers}`,
  ],
  ['no limits', 'set resources deployment/web'],
  ['a limit that is none', 'set resources deployment/web --limits=cpu=many'],
  ['a limit without an amount', 'set resources deployment/web --limits=cpu'],
  [
    'limits of a container that is not there',
    'set resources deployment/web -c other --limits=cpu=1',
  ],
  ['a selector', 'set selector service/web app=web,tier=front -o jsonpath={.spec.selector}'],
  ['a selector, in words', 'set selector service web app=other'],
  ['no selector', 'set selector service/web'],
  ['a selector of what has another kind', 'set selector deployment/web app=other'],
  [
    'a service account',
    'set serviceaccount deployment/web robot -o jsonpath={.spec.template.spec.serviceAccountName}',
  ],
  ['a service account by its alias, in words', 'set sa deployment/web robot'],
  ['a service account of what runs nothing', 'set serviceaccount service/web robot'],
  [
    'subjects',
    'set subject rolebinding/readers --user=bob --group=ops --serviceaccount=ns:robot -o jsonpath={.subjects}',
  ],
  [
    'a subject that is there already',
    'set subject rolebinding/readers --user=alice -o jsonpath={.subjects}',
  ],
  ['a subject, in words', 'set subject rolebinding readers --user=bob'],
  ['no subject', 'set subject rolebinding/readers'],
  ['a subject that is none', 'set subject rolebinding/readers --serviceaccount=robot'],
  ['a subject of what has none', 'set subject deployment/web --user=bob'],
];

test.each(cases)('%s', async (name, words) => {
  const isReading = words.includes('--list');
  const line = isReading ? words : `${words} --dry-run=client`;
  const { ours, kubectl } = await answers.both([name, line]);
  expect(ours).toBe(kubectl);
});

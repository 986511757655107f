/** Makers of objects against kubectl: what `create … --dry-run=client` prints, and how it refuses. */
import { afterAll, describe, expect, test } from '@jest/globals';
import { FakeCluster } from '../testkit/fake-cluster.js';
import type { KubectlCase } from '../testkit/kubectl-answers.js';
import { KubectlAnswers } from '../testkit/kubectl-answers.js';
import { containerName } from './workloads.js';

const folder = 'src/cli/generate/testdata';
const sources = `${folder}/sources`;

/** `create WORDS`, printed as YAML and sent nowhere. */
function created(cases: readonly KubectlCase[]): KubectlCase[] {
  return cases.map(([name, words]) => {
    const [before = '', ...command] = words.split(' -- ');
    const line = [`create ${before} --dry-run=client -o yaml`, ...command].join(' -- ');
    return [name, line];
  });
}

function holdAgainstKubectl(file: string, cases: readonly KubectlCase[]): void {
  const answers = new KubectlAnswers(`${folder}/${file}.txt`, () =>
    FakeCluster.load(`${folder}/cluster.yaml`),
  );
  afterAll(() => answers.save());

  test.each(cases)('%s', async (...one) => {
    const { ours, kubectl } = await answers.both(one);
    expect(ours).toBe(kubectl);
  });
}

describe('workloads', () => {
  holdAgainstKubectl(
    'workloads',
    created([
      ['a deployment of one image', 'deployment web --image=nginx'],
      ['a deployment by its alias', 'deploy web --image=nginx'],
      [
        'several images are several containers',
        'deployment web --image=nginx:1 --image=busybox,redis',
      ],
      ['two images of one name', 'deployment web --image=a/nginx:1 --image=b/nginx:2'],
      [
        'an image with registry, port, tag and digest',
        `deployment web --image=r.example:5000/a/web:1.2@sha256:${'0'.repeat(64)}`,
      ],
      ['replicas and a port', 'deployment web --image=nginx --replicas=3 --port=80'],
      [
        'the port of the first of several images',
        'deployment web --image=nginx --image=busybox --port=80',
      ],
      ['no replicas at all', 'deployment web --image=nginx --replicas=0'],
      ['replicas below zero', 'deployment web --image=nginx --replicas=-1'],
      ['port zero', 'deployment web --image=nginx --port=0'],
      ['a command of a deployment', 'deployment web --image=busybox -- sleep 1d'],
      ['a command with flags of its own', 'deployment web --image=busybox -- sh -c date'],
      ['a deployment in a namespace that is named', 'deployment web --image=nginx -n other'],
      ['a command for several images', 'deployment web --image=nginx --image=busybox -- date'],
      ['a deployment without an image', 'deployment web'],
      ['a deployment without a name', 'deployment --image=nginx'],
      ['a deployment with two names', 'deployment web two --image=nginx'],
      ['an empty image', 'deployment web --image='],
      ['replicas that are no number', 'deployment web --image=nginx --replicas=many'],
      ['an unknown flag', 'deployment web --image=nginx --colour=blue'],
      ['a job', 'job once --image=busybox'],
      ['a job with a command', 'job once --image=busybox -- date -u'],
      ['a job of a cron job', 'job now --from=cronjob/nightly'],
      ['a job of a cron job that is not there', 'job now --from=cronjob/never'],
      ['a job of what is no cron job', 'job now --from=deployment/web'],
      ['a job of words that are no object', 'job now --from=nightly'],
      ['a job of an image and of a cron job', 'job now --image=busybox --from=cronjob/nightly'],
      ['a job of neither', 'job now'],
      ['a job of a cron job with a command', 'job now --from=cronjob/nightly -- date'],
      ['a job without a name', 'job --image=busybox'],
      ['a cron job', "cronjob nightly --image=busybox '--schedule=0 3 * * *'"],
      ['a cron job by its alias', "cj nightly --image=busybox '--schedule=0 3 * * *' -- date"],
      [
        'a cron job that never restarts',
        'cronjob nightly --image=busybox --schedule=@daily --restart=Never',
      ],
      [
        'a cron job with an unknown restart',
        'cronjob nightly --image=busybox --schedule=@daily --restart=Sometimes',
      ],
      ['a cron job without a schedule', 'cronjob nightly --image=busybox'],
      ['a cron job without an image', 'cronjob nightly --schedule=@daily'],
      ['a cron job without both', 'cronjob nightly'],
      ['a cron job with an empty schedule', 'cronjob nightly --image=busybox --schedule='],
    ]),
  );
});

describe('the name of a container', () => {
  const letters = '[bcdfghjklmnpqrstvwxz2456789]{5}';

  test.each([
    ['nginx', 'nginx'],
    ['r.example:5000/a/nginx:1.2', 'nginx'],
    [`nginx@sha256:${'0'.repeat(64)}`, 'nginx'],
    ['Web', 'Web'],
    ['web_app:1', `web-app-${letters}`],
    ['r.example/Web.App_1', `Web-App-1-${letters}`],
    ['r.example_x/web', 'web'],
  ])('of the image %s is %s', (image, name) => {
    expect(containerName(image)).toMatch(new RegExp(`^${name}$`));
  });
});

describe('data', () => {
  holdAgainstKubectl(
    'data',
    created([
      ['an empty config map', 'configmap settings'],
      ['a config map of words', "configmap settings --from-literal=b=2 '--from-literal=a=one two'"],
      ['a value with an equals sign', 'configmap settings --from-literal=a=b=c'],
      ['an empty value', 'configmap settings --from-literal=a='],
      ['quotes around a value', `configmap settings --from-literal=a="b"`],
      ['a value of several lines', "configmap settings '--from-literal=a=1\\n2'"],
      [
        'a value that looks like a number',
        'configmap settings --from-literal=a=1 --from-literal=b=true --from-literal=c=1e3',
      ],
      ['a literal without an equals sign', 'configmap settings --from-literal=a'],
      ['a literal without a key', 'configmap settings --from-literal==a'],
      ['a key with a wrong letter', 'configmap settings --from-literal=a/b=c'],
      ['the key ..', 'configmap settings --from-literal=..=c'],
      ['a key that begins with two dots', 'configmap settings --from-literal=..a=c'],
      ['a key twice', 'configmap settings --from-literal=a=1 --from-literal=a=2'],
      ['a file under its own name', `configmap settings --from-file=${sources}/app.conf`],
      ['a file under another name', `configmap settings --from-file=other=${sources}/app.conf`],
      ['a file that is no text', `configmap settings --from-file=${sources}/blob.bin`],
      ['a directory', `configmap settings --from-file=${sources}`],
      ['a directory under a name', `configmap settings --from-file=a=${sources}`],
      ['a file that is not there', 'configmap settings --from-file=/nowhere/a'],
      ['a key of a file that is not there', 'configmap settings --from-file=k=/nowhere/a'],
      ['a source of two equals signs', 'configmap settings --from-file=a=b=c'],
      ['a file without a key', `configmap settings --from-file==${sources}/app.conf`],
      ['a key without a file', 'configmap settings --from-file=a='],
      ['an environment file', `configmap settings --from-env-file=${sources}/app.env`],
      [
        'an environment file with a wrong name',
        `configmap settings --from-env-file=${sources}/wrong.env`,
      ],
      [
        'an environment file that is no text',
        `configmap settings --from-env-file=${sources}/latin.env`,
      ],
      ['an environment file that is not there', 'configmap settings --from-env-file=/nowhere/a'],
      [
        'an environment file beside words',
        `configmap settings --from-env-file=${sources}/app.env --from-literal=a=1`,
      ],
      [
        'a config map whose name says what it holds',
        'configmap settings --from-literal=a=1 --append-hash',
      ],
      ['a config map of nothing whose name says so', 'configmap settings --append-hash'],
      [
        'a config map of bytes whose name says so',
        `configmap settings --append-hash --from-file=${sources}/blob.bin`,
      ],
      ['two values that are one in quotes', `role reader --verb=get --resource="pods",services`],
      ['a quote within a list', 'role reader --verb=get --resource=po"ds'],
      ['a config map without a name', 'configmap'],
      ['a config map with a namespace', 'cm settings -n other --from-literal=a=1'],
      ['a secret of words', 'secret generic login --from-literal=password=x'],
      ['a secret of a type', 'secret generic login --type=example.com/login --from-literal=a=b'],
      ['an empty secret', 'secret generic login'],
      [
        'a secret of a file that is no text',
        `secret generic login --from-file=${sources}/blob.bin`,
      ],
      [
        'a secret whose name says what it holds',
        'secret generic login --from-literal=a=1 --append-hash',
      ],
      [
        'a secret of an environment file and words',
        `secret generic login --from-env-file=${sources}/app.env --from-literal=a=1`,
      ],
      ['a secret of a key twice', 'secret generic login --from-literal=a=1 --from-literal=a=2'],
      ['a secret without a name', 'secret generic'],
      [
        'a registry with a password',
        'secret docker-registry pull --docker-username=me --docker-password=x',
      ],
      [
        'a registry with all there is',
        'secret docker-registry pull --docker-server=r.example --docker-username=me --docker-password=p<&> --docker-email=me@x.example',
      ],
      ['a registry without a password', 'secret docker-registry pull --docker-username=me'],
      ['a registry without a user', 'secret docker-registry pull --docker-password=x'],
      ['a registry without both', 'secret docker-registry pull'],
      [
        'a registry of a file',
        `secret docker-registry pull --from-file=.dockerconfigjson=${sources}/app.conf`,
      ],
      ['a certificate without a key', `secret tls site --cert=${sources}/app.conf`],
      [
        'a certificate that is none',
        `secret tls site --cert=${sources}/app.conf --key=${sources}/app.conf`,
      ],
      ['a certificate that is not there', 'secret tls site --cert=/nowhere/a --key=/nowhere/b'],
      ['a certificate of nothing', 'secret tls site'],
    ]),
  );
});

describe('services', () => {
  holdAgainstKubectl(
    'services',
    created([
      ['a service of a port', 'service clusterip web --tcp=80'],
      ['a service of a port and its target', 'service clusterip web --tcp=80:8080'],
      ['a target with a name', 'service clusterip web --tcp=80:http'],
      ['several ports', 'service clusterip web --tcp=80:8080 --tcp=443,9000'],
      ['a service without an address', 'service clusterip web --clusterip=None'],
      [
        'a service without an address, with a port',
        'service clusterip web --clusterip=None --tcp=80',
      ],
      ['a service of an address', 'service clusterip web --tcp=80 --clusterip=10.0.0.9'],
      ['a service of an address that is none', 'service clusterip web --tcp=80 --clusterip=here'],
      ['a service without a port', 'service clusterip web'],
      ['a port that is too large', 'service clusterip web --tcp=70000'],
      ['a target that is too large', 'service clusterip web --tcp=80:70000'],
      ['a port that is a word', 'service clusterip web --tcp=http'],
      ['a port of three parts', 'service clusterip web --tcp=80:81:82'],
      ['port zero of a service', 'service clusterip web --tcp=0'],
      ['target zero', 'service clusterip web --tcp=80:0'],
      ['a target with a wrong name', 'service clusterip web --tcp=80:HTTP_'],
      ['an empty port', 'service clusterip web --tcp='],
      ['an empty target', 'service clusterip web --tcp=80:'],
      ['a port below zero', 'service clusterip web --tcp=-1'],
      ['a service without a name', 'service clusterip --tcp=80'],
      ['a service by its alias', 'svc clusterip web --tcp=80'],
      ['a port of the nodes', 'service nodeport web --tcp=80:8080 --node-port=30080'],
      ['a service on the nodes', 'service nodeport web --tcp=80'],
      ['a port of the nodes that is too large', 'service nodeport web --tcp=80 --node-port=70000'],
      ['a service on the nodes without a port', 'service nodeport web'],
      ['a service with an address outside', 'service loadbalancer web --tcp=80:8080'],
      ['a service with an address outside without a port', 'service loadbalancer web'],
      ['another name', 'service externalname db --external-name=db.example'],
      ['another name with a port', 'service externalname db --external-name=db.example --tcp=5432'],
      ['another name that is not given', 'service externalname db'],
      ['another name that is none', 'service externalname db --external-name=db_.example'],
      ['a path of a host', 'ingress web --rule=web.example/a=web:80'],
      ['a prefix', "ingress web '--rule=web.example/a*=web:80'"],
      ['all paths', "ingress web '--rule=web.example/*=web:80'"],
      ['a host without a path', 'ingress web --rule=web.example=web:80'],
      ['a path without a host', 'ingress web --rule=/=web:80'],
      ['every host', "ingress web '--rule=*.web.example/*=web:http'"],
      [
        'several paths of a host, and another host',
        'ingress web --rule=b.example/a=a:80 --rule=a.example/=b:80 --rule=b.example/c=c:http',
      ],
      ['a certificate of a secret', 'ingress web --rule=web.example/=web:80,tls=site'],
      ['a certificate of no secret', 'ingress web --rule=web.example/=web:80,tls'],
      [
        'a certificate for two hosts',
        'ingress web --rule=a.example/=a:80,tls=site --rule=b.example/=b:80,tls=site',
      ],
      [
        'certificates of two secrets',
        'ingress web --rule=a.example/=a:80,tls=one --rule=b.example/=b:80,tls=two',
      ],
      [
        'a certificate twice for one host',
        'ingress web --rule=a.example/=a:80,tls=one --rule=a.example/b=b:80,tls=one',
      ],
      ['a certificate without a host', 'ingress web --rule=/=web:80,tls=site'],
      ['an ingress with a class', 'ingress web --class=nginx --rule=/=web:80'],
      ['an ingress with a class that is empty', 'ingress web --class= --rule=/=web:80'],
      ['an ingress for all the rest', 'ingress web --default-backend=web:80'],
      ['all the rest at a port with a name', 'ingress web --default-backend=web:http'],
      ['all the rest without a port', 'ingress web --default-backend=web'],
      [
        'all the rest beside a rule',
        'ingress web --default-backend=web:80 --rule=a.example/=web:http',
      ],
      ['annotations', 'ingress web --rule=/=web:80 --annotation=b=2 --annotation=a=1'],
      ['an annotation that is none', 'ingress web --rule=/=web:80 --annotation=a'],
      ['an annotation that is empty', 'ingress web --rule=/=web:80 --annotation=a='],
      ['a rule that is none', 'ingress web --rule=web'],
      ['a rule without a port', 'ingress web --rule=a.example/=web'],
      ['a rule with a wrong word', 'ingress web --rule=a.example/=web:80,ssl'],
      ['a rule without a service', 'ingress web --rule=a.example/=:80'],
      ['an ingress of nothing', 'ingress web'],
      ['an ingress without a name', 'ingress --rule=/=web:80'],
    ]),
  );
});

describe('access', () => {
  holdAgainstKubectl(
    'access',
    created([
      ['a role', 'role reader --verb=get,list --verb=watch --resource=pods'],
      ['a role of a short name', 'role reader --verb=get --resource=po'],
      [
        'a role of kinds of two groups',
        'role reader --verb=get --resource=pods,deployments.apps,services',
      ],
      ['a role of a part', 'role reader --verb=get --resource=pods/log'],
      [
        'a role of a kind of a group with a part',
        'role reader --verb=update --resource=deployments.apps/scale',
      ],
      [
        'a role of named objects',
        'role reader --verb=get --resource=pods --resource-name=a --resource-name=b',
      ],
      ['a role of everything', 'role reader --verb=* --resource=*'],
      ['a role of all verbs beside one', 'role reader --verb=get,* --resource=pods'],
      ['a verb twice', 'role reader --verb=get,get --resource=pods'],
      ['a resource twice', 'role reader --verb=get --resource=pods,pods'],
      ['an unknown verb', 'role reader --verb=read --resource=pods'],
      ['a verb that a resource does not have', 'role reader --verb=bind --resource=pods'],
      ['a role without verbs', 'role reader --resource=pods'],
      ['a role without resources', 'role reader --verb=get'],
      ['a role without a name', 'role --verb=get --resource=pods'],
      ['an empty resource', 'role reader --verb=get --resource='],
      ['a resource of a part alone', 'role reader --verb=get --resource=/log'],
      [
        'a name of a resource with several resources',
        'role reader --verb=get --resource=pods,services --resource-name=a',
      ],
      ['a role of the cluster', 'clusterrole reader --verb=get,list --resource=nodes'],
      ['a role of paths', 'clusterrole reader --verb=get --non-resource-url=/healthz/*'],
      [
        'a role of paths with a wrong verb',
        'clusterrole reader --verb=list --non-resource-url=/healthz',
      ],
      [
        'a role of paths and resources',
        'clusterrole reader --verb=get --non-resource-url=/healthz --resource=pods',
      ],
      ['a path that is none', 'clusterrole reader --verb=get --non-resource-url=healthz'],
      ['a path with a star within', 'clusterrole reader --verb=get --non-resource-url=/a*/b'],
      ['a path with two stars', 'clusterrole reader --verb=get --non-resource-url=/a**'],
      ['a role of other roles', 'clusterrole all --aggregation-rule=a=b,c=d'],
      ['a role of other roles, and verbs', 'clusterrole all --aggregation-rule=a=b --verb=get'],
      ['a role of the cluster of nothing', 'clusterrole reader'],
      ['a role of the cluster without verbs', 'clusterrole reader --resource=pods'],
      ['a role of the cluster without resources', 'clusterrole reader --verb=get'],
      [
        'a role of the cluster of named objects without resources',
        'clusterrole reader --verb=get --resource-name=a --non-resource-url=/a',
      ],
      [
        'a role of the cluster with a verb of its own',
        'clusterrole reader --verb=impersonate --resource=users',
      ],
      [
        'a binding of users, groups and accounts',
        'rolebinding b --role=reader --user=a --user=b --group=g --serviceaccount=ns:robot',
      ],
      ['a binding of a role of the cluster', 'rolebinding b --clusterrole=view --user=a'],
      ['a binding of nobody', 'rolebinding b --clusterrole=view'],
      ['a binding of two roles', 'rolebinding b --clusterrole=view --role=reader'],
      ['a binding of no role', 'rolebinding b --user=a'],
      ['an account without a namespace', 'rolebinding b --role=reader --serviceaccount=robot'],
      ['an account of three parts', 'rolebinding b --role=reader --serviceaccount=a:b:c'],
      ['users of one flag', 'rolebinding b --role=reader --user=a,b'],
      ['a binding without a name', 'rolebinding --role=reader'],
      [
        'a binding of the cluster',
        'clusterrolebinding b --clusterrole=view --user=a --group=g --serviceaccount=ns:robot',
      ],
      ['a binding of the cluster of nobody', 'clusterrolebinding b --clusterrole=view'],
      ['a binding of the cluster of no role', 'clusterrolebinding b --user=a'],
      ['a binding of the cluster without a name', 'clusterrolebinding --clusterrole=view'],
      ['an account', 'serviceaccount robot'],
      ['an account by its alias', 'sa robot -n other'],
      ['an account without a name', 'serviceaccount'],
    ]),
  );
});

describe('policies', () => {
  holdAgainstKubectl(
    'policies',
    created([
      ['a namespace', 'namespace jobs'],
      ['a namespace by its alias', 'ns jobs'],
      ['a namespace without a name', 'namespace'],
      ['a namespace with two names', 'namespace a b'],
      ['a quota', 'quota small --hard=pods=10,cpu=2,memory=1Gi'],
      ['a quota of nothing', 'quota small'],
      ['a quota by its alias', 'resourcequota small --hard=pods=1'],
      ['a quota of scopes', 'quota small --hard=pods=1 --scopes=BestEffort,NotTerminating'],
      ['a quota with a wrong amount', 'quota small --hard=pods=many'],
      ['a quota that is none', 'quota small --hard=pods'],
      ['a quota of three parts', 'quota small --hard=pods=1=2'],
      ['an amount that is not canonical', 'quota small --hard=cpu=2000m,memory=1024Mi'],
      ['a quota of an unknown scope', 'quota small --hard=pods=1 --scopes=Best'],
      ['a quota twice', 'quota small --hard=pods=1 --hard=pods=2'],
      ['a budget of some that stay', 'pdb web --selector=app=web --min-available=2'],
      [
        'a budget of some that may be missing',
        'poddisruptionbudget web --selector=app=web --max-unavailable=1',
      ],
      ['a budget of a percentage', 'pdb web --selector=app=web --min-available=50%'],
      ['a budget of both', 'pdb web --selector=app=web --min-available=1 --max-unavailable=1'],
      ['a budget of neither', 'pdb web --selector=app=web'],
      ['a budget of no pods', 'pdb web --min-available=1'],
      [
        'a budget of several requirements',
        "pdb web '--selector=app in (a,b),tier!=db,x,!y' --min-available=1",
      ],
      [
        'a budget of requirements of every kind',
        "pdb web '--selector=app in (b,a),tier notin (db),x,!y,a=1,b==2' --min-available=1",
      ],
      ['a budget of a number', "pdb web '--selector=a>1' --min-available=1"],
      ['a budget of a value that is none', 'pdb web --selector=app=web --min-available=some'],
      ['a budget below zero', 'pdb web --selector=app=web --min-available=-1'],
      ['a budget of a selector that is none', 'pdb web --selector=a==b==c --min-available=1'],
      ['a budget without a name', 'pdb --selector=app=web --min-available=1'],
      ['a priority', "priorityclass high --value=1000 '--description=for the shop'"],
      ['a priority that preempts nobody', 'pc low --value=-5 --preemption-policy=Never'],
      ['a priority of those that name none', 'priorityclass all --value=1 --global-default'],
      ['a priority without a value', 'priorityclass none'],
      [
        'a priority with an unknown policy',
        'priorityclass x --value=1 --preemption-policy=Sometimes',
      ],
      ['a priority that is no number', 'priorityclass x --value=high'],
      ['a priority without a name', 'priorityclass --value=1'],
    ]),
  );
});

/** Requests for certificates, roles that are summed up, and devices that are attached. */
import type { Json, Scenario, Step } from './steps.js';

const nodeClient =
  'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIc01JR1NBZ0VBTURBeEZUQVRCZ05WQkFvTURITjVjM1Js' +
  'YlRwdWIyUmxjekVYTUJVR0ExVUVBd3dPYzNsegpkR1Z0T201dlpHVTZkekV3V1RBVEJnY3Foa2pPUFFJQkJnZ3Foa2pPUFFN' +
  'QkJ3TkNBQVQ5R1RncHhERVpSZnF3ClhpNktuZmRpWlNkZ3l1SWxwcDdEeEhPRm91c3BvU055Z09LdHF1WGRDVUxqM3pieWJD' +
  'ZnM2Njc5UkRUQ3lsd3MKbGdLQWp0dWFvQUF3Q2dZSUtvWkl6ajBFQXdJRFNRQXdSZ0loQUtna1FzUEozNTdmU1V0aVU2NUlz' +
  'dVdpbTZRRgo4M2l1V3I4S1A1N0orUlE4QWlFQTN3L3FxbXJNTG9ocFdMc2EveGUzbFpJUHRibUVEOHlmbWViSm5tSjhLQnc9' +
  'Ci0tLS0tRU5EIENFUlRJRklDQVRFIFJFUVVFU1QtLS0tLQo=';
const serving =
  'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlJQkVqQ0J1QUlCQURBd01SVXdFd1lEVlFRS0RBeHplWE4w' +
  'WlcwNmJtOWtaWE14RnpBVkJnTlZCQU1NRG5ONQpjM1JsYlRwdWIyUmxPbmN4TUZrd0V3WUhLb1pJemowQ0FRWUlLb1pJemow' +
  'REFRY0RRZ0FFL1JrNEtjUXhHVVg2CnNGNHVpcDMzWW1VbllNcmlKYWFldzhSemhhTHJLYUVqY29EaXJhcmwzUWxDNDk4Mjht' +
  'd243T3V1L1VRMHdzcGMKTEpZQ2dJN2JtcUFtTUNRR0NTcUdTSWIzRFFFSkRqRVhNQlV3RXdZRFZSMFJCQXd3Q29JQ2R6R0hC' +
  'QW9JQUFFdwpDZ1lJS29aSXpqMEVBd0lEU1FBd1JnSWhBSyt4dFU5ejhaZnorVmFmM0YreC9VUWFOd05Id3BIbkcweHFmcjBj' +
  'Cm5uQ3NBaUVBb0tvdjNqOUFUUmNlSkxsa1lpNWF2ZHg1M1FXSG9GYnFGa0RjbDVMbk9Jcz0KLS0tLS1FTkQgQ0VSVElGSUNB' +
  'VEUgUkVRVUVTVC0tLS0tCg==';
const person =
  'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIY01JR0NBZ0VBTUNBeER6QU5CZ05WQkFvTUJuQmxiM0Jz' +
  'WlRFTk1Bc0dBMVVFQXd3RWFtRnVaVEJaTUJNRwpCeXFHU000OUFnRUdDQ3FHU000OUF3RUhBMElBQlAwWk9DbkVNUmxGK3JC' +
  'ZUxvcWQ5MkpsSjJESzRpV21uc1BFCmM0V2k2eW1oSTNLQTRxMnE1ZDBKUXVQZk52SnNKK3pycnYxRU5NTEtYQ3lXQW9DTzI1' +
  'cWdBREFLQmdncWhrak8KUFFRREFnTkpBREJHQWlFQTFwb2YrZmNPZzIwQk5vQlVWbmZ3K0ZPdmYxdGZkc3RTaFlGYThMWnVO' +
  'RlVDSVFDawpNN1RuTVhJUEluRlc0c0NYUUp1czZSY095TXNUTTRPMkYrUFZZVzJDb0E9PQotLS0tLUVORCBDRVJUSUZJQ0FU' +
  'RSBSRVFVRVNULS0tLS0K';
const look: Step = { look: ['CertificateSigningRequest', 'Event'] };
const request = (name: string, body: string, signerName: string, more: Json = {}): Json => ({
  kind: 'CertificateSigningRequest',
  metadata: { name },
  spec: { request: body, signerName, usages: ['digital signature', 'client auth'], ...more },
});
const decide = (name: string, type: string): Step => ({
  patch: `CertificateSigningRequest/${name}`,
  subresource: 'approval',
  body: { status: { conditions: [{ type, status: 'True', reason: 'R', message: 'm' }] } },
});
const kubernetes = 'kubernetes.io/kube-apiserver-client';

export const certificates: readonly Scenario[] = [
  {
    name: 'csr',
    steps: [
      {
        create: [
          request('node', nodeClient, `${kubernetes}-kubelet`),
          request('node-server', serving, 'kubernetes.io/kubelet-serving', {
            usages: ['digital signature', 'server auth'],
          }),
          request('jane', person, kubernetes, { expirationSeconds: 600 }),
          request('refused', person, kubernetes),
          request('wrong-usage', person, kubernetes, { usages: ['server auth'] }),
          request('not-a-node', person, `${kubernetes}-kubelet`),
          request('foreign', person, 'example.com/signer'),
          request('legacy', person, 'kubernetes.io/legacy-unknown'),
        ],
      },
      { settle: 2 },
      look,
      decide('jane', 'Approved'),
      decide('refused', 'Denied'),
      decide('wrong-usage', 'Approved'),
      decide('not-a-node', 'Approved'),
      decide('foreign', 'Approved'),
      decide('legacy', 'Approved'),
      decide('node', 'Approved'),
      decide('node-server', 'Approved'),
      { settle: 2 },
      look,
    ],
  },
  {
    name: 'roles-summed',
    steps: [
      {
        create: [
          role('sum', { clusterRoleSelectors: [{ matchLabels: { p: '1' } }] }),
          role('two', {
            clusterRoleSelectors: [{ matchLabels: { p: '1' } }, { matchLabels: { q: '1' } }],
          }),
          role('self', { clusterRoleSelectors: [{ matchLabels: { s: '1' } }] }, { s: '1' }),
          part('b', { p: '1' }, 'get'),
          part('a', { p: '1', q: '1' }, 'list'),
          part('c', { q: '1' }, 'get'),
        ],
      },
      { settle: 2 },
      { look: ['ClusterRole'] },
      { patch: 'ClusterRole/a', body: { metadata: { labels: { p: null } } } },
      { remove: 'ClusterRole/c' },
      { patch: 'ClusterRole/sum', body: { rules: [] } },
      { settle: 2 },
      { look: ['ClusterRole'] },
    ],
  },
];

function role(name: string, aggregationRule: Json, labels: Json = {}): Json {
  return { kind: 'ClusterRole', metadata: { name, labels }, aggregationRule, rules: [] };
}

function part(name: string, labels: Json, verb: string): Json {
  const rules = [{ apiGroups: [''], resources: ['pods'], verbs: [verb] }];
  return { kind: 'ClusterRole', metadata: { name, labels }, rules };
}

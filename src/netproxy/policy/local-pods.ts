/** The pods whose policies are to be kept here, as the API tells of them and as this node knows better. Pure. */
import type { Pod } from '../../api/types/core.js';
import type { HeldPod } from '../types.js';

/** All pods, each address of this node only at the pod that holds it. */
export function withHeld(
  pods: readonly Pod[],
  held: Iterable<HeldPod>,
  nodeName: string,
): readonly Pod[] {
  const byUid = new Map([...held].map((pod) => [pod.podUid, pod]));
  if (byUid.size === 0) return pods;
  const taken = new Set([...byUid.values()].flatMap(({ ips }) => ips));
  const result: Pod[] = [];
  for (const pod of pods) {
    const own = byUid.get(pod.metadata.uid ?? '');
    if (own !== undefined) {
      byUid.delete(own.podUid);
      result.push(withAddresses(pod, own.ips));
    } else if (pod.spec?.nodeName === nodeName && pod.spec.hostNetwork !== true) {
      result.push(
        withAddresses(
          pod,
          addressesOf(pod).filter((ip) => !taken.has(ip)),
        ),
      );
    } else result.push(pod);
  }
  for (const { podUid: uid, namespace, name, labels = {}, ips } of byUid.values()) {
    const metadata = { uid, namespace, name, labels: { ...labels } };
    result.push(withAddresses({ metadata, spec: { nodeName, containers: [] } }, ips));
  }
  return result;
}

function withAddresses(pod: Pod, ips: readonly string[]): Pod {
  const podIPs = ips.map((ip) => ({ ip }));
  const [podIP = ''] = ips;
  return { ...pod, status: { ...pod.status, podIP, podIPs } };
}

function addressesOf({ status }: Pod): readonly string[] {
  return status?.podIPs?.map(({ ip }) => ip) ?? [status?.podIP ?? ''];
}

/**
 * The node's name server as a peer: it runs in no pod here, but policies that allow DNS name the pods which it runs
 * in elsewhere, `k8s-app: kube-dns` in `kube-system`.
 */
export function resolverPod(address: string): Pod {
  const ports = [
    { name: 'dns', containerPort: 53, protocol: 'UDP' },
    { name: 'dns-tcp', containerPort: 53, protocol: 'TCP' },
  ];
  return {
    metadata: { namespace: 'kube-system', name: 'kube-dns', labels: { 'k8s-app': 'kube-dns' } },
    spec: { containers: [{ name: 'dns', ports }] },
    status: { podIP: address },
  };
}

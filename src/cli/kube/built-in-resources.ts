/**
 * The resources that every server of this version has, so that their names cost no request. A test compares them with
 * the API's declarations, which would take longer to load than the request they save.
 */
import { apiVersionOf } from './resource.js';
import type { Resource } from './resource.js';

/** Group, version, kind, plural, scope, short names, categories, verbs; `-` is none. */
const table = `
- v1 Binding bindings namespaced - - create
- v1 ComponentStatus componentstatuses cluster cs - read
- v1 ConfigMap configmaps namespaced cm - all
- v1 Endpoints endpoints namespaced ep - all
- v1 Event events namespaced ev - all
- v1 LimitRange limitranges namespaced limits - all
- v1 Namespace namespaces cluster ns - all
- v1 Node nodes cluster no - all
- v1 PersistentVolumeClaim persistentvolumeclaims namespaced pvc - all
- v1 PersistentVolume persistentvolumes cluster pv - all
- v1 Pod pods namespaced po all all
- v1 PodTemplate podtemplates namespaced - - all
- v1 ReplicationController replicationcontrollers namespaced rc all all
- v1 ResourceQuota resourcequotas namespaced quota - all
- v1 Secret secrets namespaced - - all
- v1 ServiceAccount serviceaccounts namespaced sa - all
- v1 Service services namespaced svc all all
apiregistration.k8s.io v1 APIService apiservices cluster - api-extensions all
apps v1 ControllerRevision controllerrevisions namespaced - - all
apps v1 DaemonSet daemonsets namespaced ds all all
apps v1 Deployment deployments namespaced deploy all all
apps v1 ReplicaSet replicasets namespaced rs all all
apps v1 StatefulSet statefulsets namespaced sts all all
events.k8s.io v1 Event events namespaced ev - all
authentication.k8s.io v1 SelfSubjectReview selfsubjectreviews cluster - - create
authentication.k8s.io v1 TokenReview tokenreviews cluster - - create
authorization.k8s.io v1 LocalSubjectAccessReview localsubjectaccessreviews namespaced - - create
authorization.k8s.io v1 SelfSubjectAccessReview selfsubjectaccessreviews cluster - - create
authorization.k8s.io v1 SelfSubjectRulesReview selfsubjectrulesreviews cluster - - create
authorization.k8s.io v1 SubjectAccessReview subjectaccessreviews cluster - - create
autoscaling v2 HorizontalPodAutoscaler horizontalpodautoscalers namespaced hpa all all
autoscaling v1 HorizontalPodAutoscaler horizontalpodautoscalers namespaced hpa all all
batch v1 CronJob cronjobs namespaced cj all all
batch v1 Job jobs namespaced - all all
certificates.k8s.io v1 CertificateSigningRequest certificatesigningrequests cluster csr - all
networking.k8s.io v1 IngressClass ingressclasses cluster - - all
networking.k8s.io v1 Ingress ingresses namespaced ing - all
networking.k8s.io v1 IPAddress ipaddresses cluster ip - all
networking.k8s.io v1 NetworkPolicy networkpolicies namespaced netpol - all
networking.k8s.io v1 ServiceCIDR servicecidrs cluster - - all
policy v1 PodDisruptionBudget poddisruptionbudgets namespaced pdb - all
rbac.authorization.k8s.io v1 ClusterRoleBinding clusterrolebindings cluster - - all
rbac.authorization.k8s.io v1 ClusterRole clusterroles cluster - - all
rbac.authorization.k8s.io v1 RoleBinding rolebindings namespaced - - all
rbac.authorization.k8s.io v1 Role roles namespaced - - all
storage.k8s.io v1 CSIDriver csidrivers cluster - - all
storage.k8s.io v1 CSINode csinodes cluster - - all
storage.k8s.io v1 CSIStorageCapacity csistoragecapacities namespaced - - all
storage.k8s.io v1 StorageClass storageclasses cluster sc - all
storage.k8s.io v1 VolumeAttachment volumeattachments cluster - - all
admissionregistration.k8s.io v1 MutatingWebhookConfiguration mutatingwebhookconfigurations cluster - api-extensions all
admissionregistration.k8s.io v1 ValidatingAdmissionPolicy validatingadmissionpolicies cluster - api-extensions all
admissionregistration.k8s.io v1 ValidatingAdmissionPolicyBinding validatingadmissionpolicybindings cluster - api-extensions all
admissionregistration.k8s.io v1 ValidatingWebhookConfiguration validatingwebhookconfigurations cluster - api-extensions all
apiextensions.k8s.io v1 CustomResourceDefinition customresourcedefinitions cluster crd,crds api-extensions all
scheduling.k8s.io v1 PriorityClass priorityclasses cluster pc - all
coordination.k8s.io v1 Lease leases namespaced - - all
node.k8s.io v1 RuntimeClass runtimeclasses cluster - - all
discovery.k8s.io v1 EndpointSlice endpointslices namespaced - - all
flowcontrol.apiserver.k8s.io v1 FlowSchema flowschemas cluster - - all
flowcontrol.apiserver.k8s.io v1 PriorityLevelConfiguration prioritylevelconfigurations cluster - - all
metrics.k8s.io v1beta1 NodeMetrics nodes cluster - - read none
metrics.k8s.io v1beta1 PodMetrics pods namespaced - - read none
`;

const stored = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
const verbSets: Readonly<Record<string, readonly string[]>> = {
  all: stored,
  create: ['create'],
  read: ['get', 'list'],
};

function listOf(text: string): string[] {
  return text === '-' ? [] : text.split(',');
}

/** In discovery's order: the first of two with a name is meant. */
export const builtInResources: readonly Resource[] = table
  .trim()
  .split('\n')
  .map((line) => {
    const [
      group = '',
      version = '',
      kind = '',
      plural = '',
      scope,
      short = '-',
      categories = '-',
      verbs = '',
      singular = '',
    ] = line.split(' ');
    return {
      group: group === '-' ? '' : group,
      version,
      kind,
      plural,
      singular: singular === 'none' ? '' : kind.toLowerCase(),
      namespaced: scope === 'namespaced',
      shortNames: listOf(short),
      categories: listOf(categories),
      verbs: verbSets[verbs] ?? [],
    };
  });

/** The built-in resource of an object's apiVersion and kind. */
export function builtInOf(apiVersion: string, kind: string): Resource | undefined {
  return builtInResources.find(
    (found) => found.kind === kind && apiVersionOf(found) === apiVersion,
  );
}

/**
 * The resources that every server of this version has, so that their names cost no request. A test compares them with
 * the API's declarations, which would take longer to load than the request they save.
 */
import { apiVersionOf } from './resource.js';
import type { Resource } from './resource.js';

/** Group, version, kind, plural, scope, short names, categories, verbs if not all; `-` is none. */
const table = `
- v1 Binding bindings namespaced - - create
- v1 ComponentStatus componentstatuses cluster cs - read
- v1 ConfigMap configmaps namespaced cm -
- v1 Endpoints endpoints namespaced ep -
- v1 Event events namespaced ev -
- v1 LimitRange limitranges namespaced limits -
- v1 Namespace namespaces cluster ns -
- v1 Node nodes cluster no -
- v1 PersistentVolumeClaim persistentvolumeclaims namespaced pvc -
- v1 PersistentVolume persistentvolumes cluster pv -
- v1 Pod pods namespaced po all
- v1 PodTemplate podtemplates namespaced - -
- v1 ReplicationController replicationcontrollers namespaced rc all
- v1 ResourceQuota resourcequotas namespaced quota -
- v1 Secret secrets namespaced - -
- v1 ServiceAccount serviceaccounts namespaced sa -
- v1 Service services namespaced svc all
apiregistration.k8s.io v1 APIService apiservices cluster - extensions
apps v1 ControllerRevision controllerrevisions namespaced - -
apps v1 DaemonSet daemonsets namespaced ds all
apps v1 Deployment deployments namespaced deploy all
apps v1 ReplicaSet replicasets namespaced rs all
apps v1 StatefulSet statefulsets namespaced sts all
events.k8s.io v1 Event events namespaced ev -
authentication.k8s.io v1 SelfSubjectReview selfsubjectreviews cluster - - create
authentication.k8s.io v1 TokenReview tokenreviews cluster - - create
authorization.k8s.io v1 LocalSubjectAccessReview localsubjectaccessreviews namespaced - - create
authorization.k8s.io v1 SelfSubjectAccessReview selfsubjectaccessreviews cluster - - create
authorization.k8s.io v1 SelfSubjectRulesReview selfsubjectrulesreviews cluster - - create
authorization.k8s.io v1 SubjectAccessReview subjectaccessreviews cluster - - create
autoscaling v2 HorizontalPodAutoscaler horizontalpodautoscalers namespaced hpa all
autoscaling v1 HorizontalPodAutoscaler horizontalpodautoscalers namespaced hpa all
batch v1 CronJob cronjobs namespaced cj all
batch v1 Job jobs namespaced - all
certificates.k8s.io v1 CertificateSigningRequest certificatesigningrequests cluster csr -
networking.k8s.io v1 IngressClass ingressclasses cluster - -
networking.k8s.io v1 Ingress ingresses namespaced ing -
networking.k8s.io v1 IPAddress ipaddresses cluster ip -
networking.k8s.io v1 NetworkPolicy networkpolicies namespaced netpol -
networking.k8s.io v1 ServiceCIDR servicecidrs cluster - -
policy v1 PodDisruptionBudget poddisruptionbudgets namespaced pdb -
rbac.authorization.k8s.io v1 ClusterRoleBinding clusterrolebindings cluster - -
rbac.authorization.k8s.io v1 ClusterRole clusterroles cluster - -
rbac.authorization.k8s.io v1 RoleBinding rolebindings namespaced - -
rbac.authorization.k8s.io v1 Role roles namespaced - -
storage.k8s.io v1 CSIDriver csidrivers cluster - -
storage.k8s.io v1 CSINode csinodes cluster - -
storage.k8s.io v1 CSIStorageCapacity csistoragecapacities namespaced - -
storage.k8s.io v1 StorageClass storageclasses cluster sc -
storage.k8s.io v1 VolumeAttachment volumeattachments cluster - -
admissionregistration.k8s.io v1 MutatingWebhookConfiguration mutatingwebhookconfigurations cluster - extensions
admissionregistration.k8s.io v1 ValidatingAdmissionPolicy validatingadmissionpolicies cluster - extensions
admissionregistration.k8s.io v1 ValidatingAdmissionPolicyBinding validatingadmissionpolicybindings cluster - extensions
admissionregistration.k8s.io v1 ValidatingWebhookConfiguration validatingwebhookconfigurations cluster - extensions
apiextensions.k8s.io v1 CustomResourceDefinition customresourcedefinitions cluster crd,crds extensions
scheduling.k8s.io v1 PriorityClass priorityclasses cluster pc -
coordination.k8s.io v1 Lease leases namespaced - -
node.k8s.io v1 RuntimeClass runtimeclasses cluster - -
discovery.k8s.io v1 EndpointSlice endpointslices namespaced - -
flowcontrol.apiserver.k8s.io v1 FlowSchema flowschemas cluster - -
flowcontrol.apiserver.k8s.io v1 PriorityLevelConfiguration prioritylevelconfigurations cluster - -
metrics.k8s.io v1beta1 NodeMetrics nodes cluster - - read none
metrics.k8s.io v1beta1 PodMetrics pods namespaced - - read none
`;

const stored = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
const verbSets: Readonly<Record<string, readonly string[]>> = {
  all: stored,
  create: ['create'],
  read: ['get', 'list'],
};

/** Categories that the table calls by a shorter name. */
const longNames: Readonly<Record<string, string>> = { extensions: 'api-extensions' };

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
      verbs = 'all',
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
      categories: listOf(categories).map((name) => longNames[name] ?? name),
      verbs: verbSets[verbs] ?? [],
    };
  });

/** The built-in resource of an object's apiVersion and kind. */
export function builtInOf(apiVersion: string, kind: string): Resource | undefined {
  return builtInResources.find(
    (found) => found.kind === kind && apiVersionOf(found) === apiVersion,
  );
}

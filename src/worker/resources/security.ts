/** A container's security settings: its own before the pod's. */
import type { Container, Pod } from '../../api/types/core.js';
import type { SecurityConfig } from '../../runtime/types.js';

/** Combines the security contexts of a container and its pod; unset fields get Kubernetes' defaults. */
export function securityConfig(pod: Pod, container: Container): SecurityConfig {
  const own = container.securityContext ?? {};
  const shared = pod.spec.securityContext ?? {};
  const privileged = own.privileged ?? false;
  const runAsUser = own.runAsUser ?? shared.runAsUser;
  const runAsGroup = own.runAsGroup ?? shared.runAsGroup;
  const seccomp = own.seccompProfile ?? shared.seccompProfile;
  return {
    privileged,
    runAsNonRoot: own.runAsNonRoot ?? shared.runAsNonRoot ?? false,
    ...(runAsUser === undefined ? {} : { runAsUser }),
    ...(runAsGroup === undefined ? {} : { runAsGroup }),
    ...(shared.fsGroup === undefined ? {} : { fsGroup: shared.fsGroup }),
    supplementalGroups: shared.supplementalGroups ?? [],
    addCapabilities: own.capabilities?.add ?? [],
    dropCapabilities: own.capabilities?.drop ?? [],
    readOnlyRootFilesystem: own.readOnlyRootFilesystem ?? false,
    allowPrivilegeEscalation: own.allowPrivilegeEscalation ?? true,
    seccomp: privileged ? 'Unconfined' : seccompOf(seccomp),
    procMount: own.procMount === 'Unmasked' ? 'Unmasked' : 'Default',
  };
}

function seccompOf(
  profile: { readonly type: string; readonly localhostProfile?: string | undefined } | undefined,
): SecurityConfig['seccomp'] {
  if (profile?.type === 'RuntimeDefault') return 'RuntimeDefault';
  if (profile?.type === 'Localhost') return { localhostProfile: profile.localhostProfile ?? '' };
  return 'Unconfined';
}

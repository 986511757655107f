import type { SecurityConfig } from './types.js';
import { RuntimeError } from './types.js';

/**
 * Holds a container to `runAsNonRoot`.
 * @param imageUser the image's own, a name or a number
 * @param uid that the container would run as
 * @throws RuntimeError InvalidConfig with kubelet's texts
 */
export function verifyNonRoot(security: SecurityConfig, imageUser: string, uid: number): void {
  if (!security.runAsNonRoot) return;
  if (security.runAsUser !== undefined) {
    if (uid === 0) {
      throw invalid("container's runAsUser breaks non-root policy");
    }
    return;
  }
  if (imageUser !== '' && !/^\d+$/.test(imageUser)) {
    throw invalid(
      `container has runAsNonRoot and image has non-numeric user (${imageUser}), cannot verify user is non-root`,
    );
  }
  if (uid === 0) throw invalid('container has runAsNonRoot and image will run as root');
}

function invalid(message: string): RuntimeError {
  return new RuntimeError('InvalidConfig', message, { retryable: false });
}

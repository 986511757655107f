/** A volume cannot be made now; the message is what kubelet's FailedMount event says. */
export class VolumeError extends Error {
  override readonly name = 'VolumeError';
  readonly code = 'VOLUME';
}

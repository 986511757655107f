/** What keeps claims and volumes while they are in use: from their creation on, until a controller takes it away. */

/** The finalizer of a claim: pods use it. */
export const claimFinalizer = 'kubernetes.io/pvc-protection';
/** The finalizer of a volume: a claim is bound to it. */
export const volumeFinalizer = 'kubernetes.io/pv-protection';

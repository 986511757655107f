/** What a node says of its netproxy: an annotation of its Node object, which the node's agent writes. */

/** The name of the annotation. */
export const netproxyAnnotation = 'trireme.dev/netproxy';

/**
 * `starting`: services are not in the rules yet, or its agent has begun a moment ago and has not heard of it.
 * `lagging`: a change has waited for too long to get there. `silent`: it does not answer its agent.
 */
export const netproxyStates = ['starting', 'running', 'lagging', 'silent'] as const;

/** A node's netproxy, as it says itself. */
export interface NetproxyState {
  readonly state: (typeof netproxyStates)[number];
  /** How services are served; empty: it is not known. */
  readonly mode: string;
  /** Empty: it is not known. */
  readonly build: string;
}

/** The annotation's value, such as `running iptables 0.1.0+g1a2b3c4d5e`. */
export function writeNetproxyState({ state, mode, build }: NetproxyState): string {
  return [state, mode, build].join(' ').trimEnd();
}

/** Reads it. @returns undefined where there is none, or one that is not understood */
export function readNetproxyState(value: string | undefined): NetproxyState | undefined {
  const [word, mode = '', build = ''] = (value ?? '').split(' ');
  const state = netproxyStates.find((one) => one === word);
  return state === undefined ? undefined : { state, mode, build };
}

/** The kinds of connections: what admission decides about, and how they are made. Stored nowhere. */
import type { KubeObject } from '../../../api/object.js';

/** PodExecOptions or PodAttachOptions. */
export interface CommandOptions extends KubeObject {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
  /** Empty: the pod's default one. */
  readonly container: string;
  /** The command of PodExecOptions. */
  readonly command?: readonly string[];
}

/** PodPortForwardOptions. */
export interface PortForwardOptions extends KubeObject {
  readonly ports: readonly number[];
}

/** PodProxyOptions, ServiceProxyOptions or NodeProxyOptions. */
export interface ProxyOptions extends KubeObject {
  /** With the slash in front, and those at the end; empty where there is none. */
  readonly path: string;
}

// None of these kinds has metadata; admission's objects have, and lose it when they are shown to webhooks.
const head = { apiVersion: 'v1', metadata: { name: '' } };

/** The options of exec and attach that both have. */
export type CommandFields = Pick<
  CommandOptions,
  'stdin' | 'stdout' | 'stderr' | 'tty' | 'container'
>;

/** Options of an exec. */
export function execOptions(fields: CommandFields, command: readonly string[]): CommandOptions {
  return { kind: 'PodExecOptions', ...head, ...fields, command };
}

/** Options of an attach. */
export function attachOptions(fields: CommandFields): CommandOptions {
  return { kind: 'PodAttachOptions', ...head, ...fields };
}

/** Options of a port-forward. */
export function portForwardOptions(ports: readonly number[]): PortForwardOptions {
  return { kind: 'PodPortForwardOptions', ...head, ports };
}

/** Options of a proxied request to an object of `kind`: Pod, Service or Node. */
export function proxyOptions(kind: string, path: string): ProxyOptions {
  return { kind: `${kind}ProxyOptions`, ...head, path };
}

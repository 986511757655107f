import type { Duplex } from 'node:stream';

/** A pod that stands behind an endpoint. */
export interface BackingPod {
  readonly node: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** Opens a connection to a port of a pod through its node; undefined when the node cannot be asked. */
export type DialPod = (pod: BackingPod, port: number) => (() => Duplex) | undefined;

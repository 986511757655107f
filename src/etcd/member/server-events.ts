/** Events that the server tells the program around it. */
export interface ServerEvents {
  /** The member has told the cluster its name and addresses; it serves. */
  onReady(): void;
  /** The disk or the state is broken: the process must end. */
  onFatal(error: unknown): void;
  /** The member was removed from the cluster. */
  onRemoved(): void;
}

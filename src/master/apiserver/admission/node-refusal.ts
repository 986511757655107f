/** Refuses a node's request with these words. */
export type Refuse = (text: string) => never;

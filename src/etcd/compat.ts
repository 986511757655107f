/** Which etcd a member answers as, where 3.5 and 3.6 differ; what the members say to each other is the same. */
export type Compat = '3.5' | '3.6';

/** All that `--compat` takes. */
export const compats: readonly Compat[] = ['3.5', '3.6'];

/** What a member says of itself. */
export interface Versions {
  /** The release whose answers these are. */
  readonly server: string;
  /** The cluster's, as all members of one kind agree on it. */
  readonly cluster: string;
}

/** The releases that were compared. */
export const versionsOf: Readonly<Record<Compat, Versions>> = {
  '3.5': { server: '3.5.30', cluster: '3.5.0' },
  '3.6': { server: '3.6.14', cluster: '3.6.0' },
};

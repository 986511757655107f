/** Exit codes of `trireme etcd`. */
export const exitUsage = 2;
export const exitFailed = 1;
/** To the supervisor of a master's threads: a start that found no room on its disk may find some later. */
export const exitTryLater = 75;

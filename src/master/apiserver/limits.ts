/** Every bound of the API server in one place. Sizes are bytes, times milliseconds, unless the name says otherwise. */

/** kube-apiserver's limit of a request body (`MaxRequestBodyBytes`). */
export const maxRequestBytes = 3 * 1024 * 1024;
/** Events kept per resource for watches that start in the past. */
export const ringEvents = 4096;
/** Bytes of the objects in them: 4,096 of two kilobytes. Beyond, only the latest stay, and so many at least. */
export const ringBytes = 8 * 1024 * 1024;
export const ringEventsMin = 64;
/** A watcher that lets so many events gather is ended; its client watches again. */
export const watcherQueueEvents = 10_000;
/** A connection that leaves so many bytes unread loses its watch. */
export const watcherBufferedBytes = 16 * 1024 * 1024;
/** Short requests under way at once, as kube-apiserver's two flags together (400 + 200). */
export const maxRequestsInFlight = 400;

/** Requests that change something, under way at once (kube-apiserver's `--max-mutating-requests-inflight`). */
export const maxMutatingInFlight = 200;
/** The longest wait of a read for the cache to reach its revision (kube-apiserver: 3 s). */
export const freshnessWaitMs = 3_000;
/** Bookmarks to a watcher that asked for them (kube-apiserver: about a minute). */
export const bookmarkEveryMs = 60_000;
/** Attempts of a write that lost a race and carries no resourceVersion. */
export const maxWriteAttempts = 32;
/**
 * Writes of this server in one resource that the store's watch has not brought yet; of those beyond, what the watch
 * brings is read once more.
 */
export const ownWritesMax = 1_000;
/** Keys read at once while the cache loads. */
export const loadPageKeys = 2_000;
/** The longest watch without `timeoutSeconds`; the real one is drawn between it and its double. */
export const watchTimeoutMs = 1_800_000;
/** The longest ordinary request. */
export const requestTimeoutMs = 60_000;
/** Answers shorter than this are not compressed (kube-apiserver: 128 KiB). */
export const gzipFromBytes = 128 * 1024;
/** The lifetime of an Event object (kube-apiserver `--event-ttl`). */
export const eventTtlSeconds = 3_600;
/** A master counts as alive for this long without a sign (kube-apiserver: 15 s). */
export const masterLeaseSeconds = 15;
/** Pods of a namespace that a new Pod Security level is tried on, and for how long (kube-apiserver: 3,000 and 1 s). */
export const podsToCheck = 3_000;

/** The longest, in milliseconds, that a change of Pod Security labels looks at the pods that are there. */
export const podCheckMs = 1_000;
/** Pods that are tried before other requests get their turn: some 10 ms. */
export const podCheckBatch = 100;
/** Audit events that may wait for the disk; beyond it events are dropped and counted. */
export const auditBufferedBytes = 16 * 1024 * 1024;
/**
 * Watches of one user at once: a DaemonSet's pods share an account and watch a few resources each. All users together
 * are bounded by what an idle watch costs (some 10 KiB) and by the connections that carry them.
 */
export const maxWatchesPerUser = 5_000;
/** Exec, attach, port-forward, log and proxy requests of one user at once: each holds a call to a node as well. */
export const maxConnectsPerUser = 500;
/** The longest time until a request's body is there, counted from the moment the request was let in. */
export const bodyTimeoutMs = 60_000;
/** Bytes of all bodies that are being read: beyond it, requests with a body are told to come again. */
export const maxBodyBytesInAll = 256 * 1024 * 1024;
/** Bytes of bodies of one user at once: ten of the longest. Eight users are needed to use up all. */
export const maxBodyBytesPerUser = 32 * 1024 * 1024;
/**
 * Deletions of one deletecollection under way at once (apiserver's `deleteCollectionWorkers` is 1; ours share the
 * store's batches).
 */
export const deleteCollectionWorkers = 16;
/** JSON and protobuf from this length on are read beside the event loop. */
export const jsonAsideBytes = 32 * 1024;
/** YAML from this length on is read beside it, and shorter one with aliases. */
export const yamlAsideBytes = 16 * 1024;
/** JSON patches of so many operations are applied beside it, and shorter ones that copy. */
export const patchAsideOperations = 1_000;
/**
 * The longest body that is no object of a kind (options of a deletion, a binding, a token request, a Scale): the event
 * loop has to parse all of it, since its fields are not known beside it.
 */
export const maxValueBytes = 256 * 1024;
/** The memory of the thread that does it; the longest JSON text of many small values needs a quarter. */
export const asideThreadMegabytes = 512;
/** Its priority where processors are short, as `nice` counts: the event loop has ten times its share. */
export const asideThreadNiceness = 10;
/** A thread beside the event loop that has not done one piece of work after so long is ended, and its request fails. */
export const asideThreadWorkMs = 60_000;
/** Such a thread ends after so long without work. */
export const asideThreadIdleMs = 60_000;
/**
 * The event loop is free of large bodies for so many times as long as the last one kept it: all together have a fifth
 * of it.
 */
export const asideLoopRest = 4;
/**
 * The least weight of a body there, in bytes, against the bounds of all bodies: 32 of a user, 256 of all may wait at
 * once.
 */
export const asideWeightMin = maxBodyBytesPerUser / 32;
/** JSON that is encoded as protobuf in one turn of the event loop, some 5 ms; other requests come between. */
export const protobufYieldBytes = 256 * 1024;
/** Objects of one ConversionReview at most: a list is converted in parts. */
export const conversionReviewObjects = 100;
/** Bytes of the objects of one ConversionReview, unless one alone is longer. */
export const conversionReviewBytes = 1024 * 1024;
/** Calls of conversion webhooks at once; others wait in line. */
export const conversionCalls = 32;
/** The longest call of a conversion webhook (client-go's default for webhooks). */
export const conversionTimeoutMs = 30_000;
/** Nodes whose agents are asked at once what they use. */
export const statsConcurrency = 64;
/** The longest wait for one of them; a first answer measures for a second. */
export const statsDeadlineMs = 5_000;
/** The time for which an answer of a node, or that it gave none, serves all who ask. */
export const statsFreshMs = 5_000;
/** The longest wait for a server of an APIService that is asked whether it is there (kube-aggregator: 5 s). */
export const remoteCheckMs = 5_000;
/** The time between two such questions (kube-aggregator: 30 s). */
export const remoteRetryMs = 30_000;
/** The longest document that is taken from such a server. */
export const maxRemoteDocumentBytes = 16 * 1024 * 1024;
/** The longest wait of a request in a queue of its level (kube-apiserver: a quarter of the longest request). */
export const maxQueueWaitMs = requestTimeoutMs / 4;
/** The seats of levels are shared out anew so often (kube-apiserver: 10 s). */
export const borrowEveryMs = 10_000;
/** The most seats that a list takes (kube-apiserver: 10). */
export const maxSeatsOfList = 10;

/** Labels, annotations and taints to which Kubernetes itself gives a meaning. @see kubernetes.io, Well-Known Labels */

/** Label of a Node: its failure domain within a region. */
export const zoneLabel = 'topology.kubernetes.io/zone';
/** Label of an EndpointSlice: the name of its Service. */
export const serviceNameLabel = 'kubernetes.io/service-name';

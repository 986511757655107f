import type { ClusterStatus, MemberStatus } from '../../gen/cluster.js';

/** A member that follows. */
export function member(n: number, fields: Partial<MemberStatus> = {}): MemberStatus {
  return {
    id: 0xabc0n + BigInt(n),
    name: `master-${n}`,
    clientUrl: `https://10.0.0.${n}:2379`,
    leader: false,
    learner: false,
    term: 4,
    raftIndex: 1200 + n,
    appliedIndex: 1200,
    revision: 900,
    dbSizeBytes: 3.5 * 1024 * 1024,
    version: '3.5.0',
    build: '0.1.0+g1a2b3c4d5e',
    certificatesEnd: '2026-12-31T00:00:00.000Z',
    reachable: true,
    error: '',
    ...fields,
  };
}

/** Three masters, one of which is down and one that joins, and two nodes. */
export function clusterStatus(fields: Partial<ClusterStatus> = {}): ClusterStatus {
  return {
    time: '2026-01-01T12:00:00.250Z',
    answeredBy: 'master-1',
    members: [
      member(1, { leader: true }),
      member(2),
      member(3, { reachable: false, error: 'connect ECONNREFUSED' }),
      member(4, { name: '', learner: true, error: 'no space' }),
    ],
    leaders: [
      { component: 'kube-scheduler', holder: 'master-1', renewTime: '2026-01-01T11:59:59Z' },
      { component: 'kube-controller-manager', holder: '', renewTime: '' },
    ],
    nodes: [
      {
        name: 'node-1',
        ready: true,
        address: '10.0.0.11',
        message: '',
        build: '0.1.0+g1a2b3c4d5e',
        certificatesEnd: '2027-01-01T00:00:00.000Z',
        netproxy: { state: 'running', mode: 'iptables', build: '0.1.0+g1a2b3c4d5e' },
      },
      {
        name: 'node-2',
        ready: false,
        address: '10.0.0.12',
        message: 'it is silent',
        build: '',
        certificatesEnd: '',
        netproxy: undefined,
      },
    ],
    ...fields,
  };
}

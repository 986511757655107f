import type {
  ClusterDefinition,
  Member,
  MemberAddRequest,
  MemberAddResponse,
  MemberListRequest,
  MemberListResponse,
  MemberPromoteRequest,
  MemberPromoteResponse,
  MemberRemoveRequest,
  MemberRemoveResponse,
  MemberUpdateRequest,
  MemberUpdateResponse,
  ResponseHeader,
} from '../../gen/etcd/rpc.js';
import { unixPath } from '../../lib/member-url.js';
import type { CallContext, Handlers } from '../../lib/grpc/types.js';
import { etcdError } from '../apply/errors.js';
import type { MemberInfo } from '../membership/membership.js';
import type { CallerIdentity } from './auth-info.js';
import type { MemberChanges } from '../membership/member-changes.js';
import type { RequestMember } from './member.js';

/** The member, as the cluster service needs it. */
export interface ClusterMember extends RequestMember {
  readonly membership: { readonly members: readonly MemberInfo[] };
  readonly changes: Pick<MemberChanges, 'add' | 'remove' | 'update' | 'promote'>;
}

/** A member as the API shows it. */
export function memberMessage(member: MemberInfo): Member {
  return {
    ID: member.id,
    name: member.name,
    peerURLs: [...member.peerUrls],
    clientURLs: [...member.clientUrls],
    isLearner: member.isLearner,
  };
}

/** The cluster service (etcdserverpb.Cluster). */
export class ClusterService implements Handlers<typeof ClusterDefinition> {
  readonly #server: ClusterMember;
  readonly #identity: CallerIdentity;

  constructor(server: ClusterMember, identity: CallerIdentity) {
    this.#server = server;
    this.#identity = identity;
  }

  async memberAdd(request: MemberAddRequest, context: CallContext): Promise<MemberAddResponse> {
    checkUrls(request.peerURLs);
    await this.#mustBeAdmin(context);
    const member = await this.#server.changes.add(request.peerURLs, request.isLearner);
    return {
      header: this.#header(),
      member: memberMessage(member),
      members: this.#members(),
    };
  }

  async memberRemove(
    request: MemberRemoveRequest,
    context: CallContext,
  ): Promise<MemberRemoveResponse> {
    await this.#mustBeAdmin(context);
    await this.#server.changes.remove(request.ID);
    return { header: this.#header(), members: this.#members() };
  }

  async memberUpdate(
    request: MemberUpdateRequest,
    context: CallContext,
  ): Promise<MemberUpdateResponse> {
    await this.#mustBeAdmin(context);
    // Of an id that nobody has, etcd says that first. (It takes any URL of a member, and ends when it cannot dial it.)
    const isKnown = this.#server.membership.members.some(({ id }) => id === request.ID);
    if (isKnown) checkUrls(request.peerURLs);
    await this.#server.changes.update(request.ID, request.peerURLs);
    return { header: this.#header(), members: this.#members() };
  }

  async memberList(request: MemberListRequest, context: CallContext): Promise<MemberListResponse> {
    if (request.linearizable) await this.#server.requests.linearizable(() => undefined);
    await this.#identity.known(context);
    return { header: this.#header(), members: this.#members() };
  }

  async memberPromote(
    request: MemberPromoteRequest,
    context: CallContext,
  ): Promise<MemberPromoteResponse> {
    await this.#mustBeAdmin(context);
    await this.#server.changes.promote(request.ID);
    return { header: this.#header(), members: this.#members() };
  }

  /** As etcd's: without a revision, since members have none. */
  #header(): ResponseHeader {
    return this.#server.header(0);
  }

  #members(): Member[] {
    return this.#server.membership.members.map(memberMessage);
  }

  async #mustBeAdmin(context: CallContext): Promise<void> {
    await this.#identity.admin(context);
  }
}

/** @throws memberBadUrls */
function checkUrls(urls: readonly string[]): void {
  if (urls.length === 0) throw etcdError('memberBadUrls');
  for (const text of urls) {
    if (unixPath(text) !== undefined) continue;
    let url: URL;
    try {
      url = new URL(text);
    } catch {
      throw etcdError('memberBadUrls');
    }
    const isPlain = url.pathname === '/' || url.pathname === '';
    if ((url.protocol !== 'http:' && url.protocol !== 'https:') || url.port === '' || !isPlain) {
      throw etcdError('memberBadUrls');
    }
  }
}

import type { Objects } from '../registry/objects.js';
import type { RequestContext } from '../registry/types.js';
import type { Writer } from '../registry/writer.js';
import type { Exchange } from '../rest/exchange.js';
import type { SpecialHandler } from '../rest/resource-handler.js';
import type { KindRegistry } from '../../../api/registry.js';
import type { ServiceAccountTokens } from '../authn/service-account-tokens.js';
import type { Deleter } from '../registry/deleter.js';
import { badRequest, noSuchResource } from '../status.js';
import { serveBinding } from './binding.js';
import { serveEviction } from './eviction.js';
import { serveLog } from './log.js';
import type { NodeAgents } from './node-agents.js';
import { serveNodeProxy, serveProxy } from './proxy.js';
import { serveScale } from './scale.js';
import { serveToken } from './token.js';

export interface SpecialDeps {
  readonly objects: Objects;
  readonly writer: Writer;
  readonly deleter: Deleter;
  readonly kinds: KindRegistry;
  readonly tokens: ServiceAccountTokens;
  readonly agents: NodeAgents;
}

/** Subresources with bodies or ways of their own, by `group/plural/subresource`; `scale` is every kind's that has one. */
export function specialHandlers(deps: SpecialDeps): Map<string, SpecialHandler> {
  return new Map<string, SpecialHandler>([
    ['/pods/binding', (exchange, context) => serveBinding(exchange, context, deps)],
    ['/pods/eviction', (exchange, context) => serveEviction(exchange, context, deps)],
    ...['exec', 'attach', 'portforward'].map((name): [string, SpecialHandler] => [
      `/pods/${name}`,
      () => Promise.reject(badRequest('Upgrade request required')),
    ]),
    ['/pods/proxy', (exchange, context) => serveProxy(exchange, context, deps)],
    ['/services/proxy', (exchange, context) => serveProxy(exchange, context, deps)],
    ['/nodes/proxy', (exchange, context) => serveNodeProxy(exchange, context, deps)],
    ['/pods/log', (exchange, context) => serveLog(exchange, context, deps)],
    ['scale', (exchange, context) => serveScaleOf(exchange, context, deps)],
    ['/serviceaccounts/token', (exchange, context) => serveToken(exchange, context, deps)],
  ]);
}

function serveScaleOf(
  exchange: Exchange,
  context: RequestContext,
  deps: SpecialDeps,
): Promise<void> {
  const part = context.target.kind.subresources.find(({ name }) => name === 'scale');
  if (part?.scale === undefined) throw noSuchResource();
  return serveScale(exchange, context, part.scale, deps);
}

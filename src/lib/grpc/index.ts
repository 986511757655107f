/**
 * gRPC over our own HTTP/2 (`../http2`): a server that shares its port with plain HTTP, and a client channel. Messages
 * and services are what `src/gen` defines; handlers and clients are typed from them (see `types.ts`).
 */
export { createGrpcChannel } from './channel.js';
export type { Channel, ChannelOptions, ChannelState } from './channel.js';
export type { ChannelTls } from './connect.js';
export { peerCertificateOf } from './peer.js';
export type { KeepAliveOptions } from '../http2/index.js';
export type { ListenAddress } from './listen-address.js';
export { createGrpcServer } from './server.js';
export type { ServerTls } from './listener.js';
export type { GrpcServer, GrpcServerOptions, HttpHandler } from './server.js';
export { rpcErrorText } from './error-text.js';
export { Code, GrpcError, isGrpcError } from './types.js';
export type {
  CallContext,
  CallObserver,
  CallOptions,
  Client,
  ClientDuplex,
  Duplex,
  Handlers,
  Metadata,
  PeerCertificate,
  Sender,
  ServiceDefinition,
} from './types.js';

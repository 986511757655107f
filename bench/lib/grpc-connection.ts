/**
 * One HTTP/2 connection (RFC 9113) for gRPC calls without TLS, made to cost a load generator little: requests of one
 * turn leave in one write, answers are cut out of the bytes that arrived, nothing is allocated per call but the call.
 * About 10 µs a unary call, where `node:http2` takes 40.
 *
 * Response headers are not decoded. A call has succeeded if a whole message came and the server then ended the stream;
 * gRPC servers send no message with an error.
 */
import * as net from 'node:net';
import {
  flagAck,
  flagEnd,
  flagEndHeaders,
  flagPadded,
  frame,
  frameHeaderBytes,
  FrameOut,
  messageHeaderBytes,
  writeMessageHeader,
} from './frame-out.js';
import { HpackEncoder } from './hpack-encoder.js';

const settingInitialWindow = 4;
const settingMaxFrame = 5;
const nothing = Buffer.alloc(0);
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const windowBytesMax = 2 ** 31 - 1;
const windowBytesDefault = 65_535;
/** The used part of a window at which it is opened again. */
const windowRefillBytes = 2 ** 29;
const readBytes = 256 * 1024;

/** The callbacks of a call. Message bytes are valid only during the callback. */
export interface CallReceiver {
  onMessage(bytes: Buffer): void;
  /** Once, last. @param failure undefined if the server ended the call after at least one message. */
  onEnd(failure: string | undefined): void;
}

/** A call under way that may send more. */
export interface OpenCall {
  /** @param bytes a protobuf message; copied before this returns. */
  send(bytes: Uint8Array): void;
  /** Ends our side. */
  end(): void;
}

interface CallState {
  readonly id: number;
  readonly receiver: CallReceiver;
  sendWindow: number;
  received: number;
  messages: number;
  /** The beginning of a message whose end has not come. */
  partial: Buffer | undefined;
}

interface Waiting {
  readonly call: CallState;
  readonly bytes: Buffer;
  offset: number;
  readonly end: boolean;
}

export class GrpcConnection {
  readonly #socket: net.Socket;
  readonly #out: FrameOut;
  readonly #hpack: HpackEncoder;
  readonly #calls = new Map<number, CallState>();
  readonly #waiting: Waiting[] = [];
  #nextId = 1;
  #rest: Buffer | undefined;
  #sendWindow = windowBytesDefault;
  #peerInitialWindow = windowBytesDefault;
  #peerMaxFrame = 16_384;
  #received = 0;
  #failure: string | undefined;

  private constructor(socket: net.Socket, authority: string) {
    this.#socket = socket;
    this.#hpack = new HpackEncoder(authority);
    this.#out = new FrameOut(socket);
    this.#out.raw(preface);
    this.#out.setting(settingInitialWindow, windowBytesMax);
    this.#out.windowUpdate(0, windowBytesMax - windowBytesDefault);
    this.#out.flush();
  }

  /** Connects to `host:port`. @throws the system's error, or that it took longer than `timeoutMs` */
  static connect(endpoint: string, timeoutMs = 5000): Promise<GrpcConnection> {
    return new Promise((resolve, reject) => {
      const colon = endpoint.lastIndexOf(':');
      const made: { connection?: GrpcConnection } = {};
      const socket = net.connect({
        host: endpoint.slice(0, colon),
        port: Number(endpoint.slice(colon + 1)),
        noDelay: true,
        onread: {
          buffer: Buffer.allocUnsafe(readBytes),
          callback: (count, buffer) => {
            made.connection?.take(Buffer.from(buffer.buffer, buffer.byteOffset, count));
            return true;
          },
        },
      });
      socket.setTimeout(timeoutMs, () => {
        if (made.connection === undefined)
          socket.destroy(new Error(`no connection to ${endpoint}`));
      });
      socket.on('error', (error) => {
        made.connection?.fail(error.message);
        reject(error);
      });
      socket.on('close', () => made.connection?.fail('the connection was closed'));
      socket.once('connect', () => {
        socket.setTimeout(0);
        made.connection = new GrpcConnection(socket, endpoint);
        resolve(made.connection);
      });
    });
  }

  /** Why the connection is of no use any more, if so. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Makes a unary call. @param bytes a protobuf message; copied before this returns. */
  unary(path: string, bytes: Uint8Array, receiver: CallReceiver): void {
    const call = this.#begin(path, receiver);
    if (call !== undefined) this.#sendMessage(call, bytes, true);
  }

  /** A call that may send and receive any number of messages. */
  open(path: string, receiver: CallReceiver): OpenCall {
    const call = this.#begin(path, receiver);
    return {
      send: (bytes) => {
        if (call !== undefined) this.#sendMessage(call, bytes, false);
      },
      end: () => {
        if (call === undefined || this.#calls.get(call.id) !== call) return;
        this.#out.frame({ type: frame.data, flags: flagEnd, id: call.id }, nothing);
      },
    };
  }

  close(): void {
    this.fail('closed by us');
  }

  /** Ends all calls; also what the socket's errors come to. */
  fail(reason: string): void {
    if (this.#failure !== undefined) return;
    this.#failure = reason;
    this.#socket.destroy();
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const call of calls) call.receiver.onEnd(reason);
  }

  #begin(path: string, receiver: CallReceiver): CallState | undefined {
    if (this.#failure !== undefined) {
      const reason = this.#failure;
      setImmediate(() => receiver.onEnd(reason));
      return undefined;
    }
    const id = this.#nextId;
    this.#nextId += 2;
    const call: CallState = {
      id,
      receiver,
      sendWindow: this.#peerInitialWindow,
      received: 0,
      messages: 0,
      partial: undefined,
    };
    this.#calls.set(id, call);
    const kind = { type: frame.headers, flags: flagEndHeaders, id };
    this.#out.frame(kind, this.#hpack.encode(path));
    return call;
  }

  #sendMessage(call: CallState, bytes: Uint8Array, end: boolean): void {
    const length = messageHeaderBytes + bytes.length;
    const fits =
      this.#waiting.length === 0 &&
      length <= this.#sendWindow &&
      length <= call.sendWindow &&
      length <= this.#peerMaxFrame;
    if (fits) {
      this.#sendWindow -= length;
      call.sendWindow -= length;
      this.#out.message(bytes, call.id, end);
      return;
    }
    const copy = Buffer.allocUnsafe(length);
    writeMessageHeader(copy, 0, bytes.length);
    copy.set(bytes, messageHeaderBytes);
    this.#waiting.push({ call, bytes: copy, offset: 0, end });
    this.#sendWaiting();
  }

  /** Sends what the windows allow, in order. */
  #sendWaiting(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const left = first.bytes.length - first.offset;
      const size = Math.min(left, this.#peerMaxFrame, this.#sendWindow, first.call.sendWindow);
      if (this.#calls.get(first.call.id) !== first.call) {
        this.#waiting.shift();
        continue;
      }
      if (size <= 0) return;
      this.#sendWindow -= size;
      first.call.sendWindow -= size;
      const flags = first.end && size === left ? flagEnd : 0;
      const kind = { type: frame.data, flags, id: first.call.id };
      this.#out.frame(kind, first.bytes, first.offset, first.offset + size);
      first.offset += size;
      if (size === left) this.#waiting.shift();
    }
  }

  /** Bytes of the server. The buffer is used anew after this returns. */
  take(chunk: Buffer): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = undefined;
    let at = 0;
    while (at + frameHeaderBytes <= bytes.length && this.#failure === undefined) {
      const length = bytes.readUIntBE(at, 3);
      const end = at + frameHeaderBytes + length;
      if (end > bytes.length) break;
      this.#frame(bytes, { at: at + frameHeaderBytes, end }, [
        bytes[at + 3] ?? 0,
        bytes[at + 4] ?? 0,
        bytes.readUInt32BE(at + 5) & 0x7fffffff,
      ]);
      at = end;
    }
    if (at < bytes.length) this.#rest = Buffer.from(bytes.subarray(at));
  }

  #frame(
    bytes: Buffer,
    { at, end }: { readonly at: number; readonly end: number },
    [type, flags, id]: readonly [number, number, number],
  ): void {
    switch (type) {
      case frame.data: {
        const padding = (flags & flagPadded) === 0 ? 0 : 1 + (bytes[at] ?? 0);
        this.#data(
          id,
          bytes.subarray(padding === 0 ? at : at + 1, padding === 0 ? end : end - padding + 1),
        );
        this.#consumed(id, end - at);
        if ((flags & flagEnd) !== 0) this.#ended(id, undefined);
        return;
      }
      case frame.headers:
        if ((flags & flagEnd) !== 0) this.#ended(id, undefined);
        return;
      case frame.reset:
        this.#ended(id, `the server reset the call, code ${bytes.readUInt32BE(at)}`);
        return;
      case frame.settings:
        if ((flags & flagAck) === 0) this.#settings(bytes, at, end);
        return;
      case frame.ping:
        if ((flags & flagAck) === 0) {
          this.#out.frame({ type: frame.ping, flags: flagAck, id: 0 }, bytes, at, at + 8);
        }
        return;
      case frame.goaway:
        this.fail(`the server said goodbye, code ${bytes.readUInt32BE(at + 4)}`);
        return;
      case frame.windowUpdate: {
        const more = bytes.readUInt32BE(at) & 0x7fffffff;
        const call = this.#calls.get(id);
        if (id === 0) this.#sendWindow += more;
        else if (call !== undefined) call.sendWindow += more;
        if (this.#waiting.length > 0) this.#sendWaiting();
        return;
      }
      default:
        return;
    }
  }

  #settings(bytes: Buffer, start: number, end: number): void {
    for (let at = start; at + 6 <= end; at += 6) {
      const setting = bytes.readUInt16BE(at);
      const value = bytes.readUInt32BE(at + 2);
      if (setting === settingMaxFrame) this.#peerMaxFrame = value;
      if (setting === settingInitialWindow) {
        for (const call of this.#calls.values()) call.sendWindow += value - this.#peerInitialWindow;
        this.#peerInitialWindow = value;
      }
    }
    this.#out.frame({ type: frame.settings, flags: flagAck, id: 0 }, nothing);
    this.#sendWaiting();
  }

  #data(id: number, part: Buffer): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    const bytes = call.partial === undefined ? part : Buffer.concat([call.partial, part]);
    call.partial = undefined;
    let at = 0;
    while (at + messageHeaderBytes <= bytes.length) {
      const end = at + messageHeaderBytes + bytes.readUInt32BE(at + 1);
      if (end > bytes.length) break;
      call.messages++;
      call.receiver.onMessage(bytes.subarray(at + messageHeaderBytes, end));
      at = end;
    }
    if (at < bytes.length) call.partial = Buffer.from(bytes.subarray(at));
  }

  #ended(id: number, failure: string | undefined): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    this.#calls.delete(id);
    const cut = call.messages === 0 ? 'the server ended the call with an error' : undefined;
    call.receiver.onEnd(failure ?? cut);
  }

  /** Opens the windows again when much of them is used. */
  #consumed(id: number, count: number): void {
    this.#received += count;
    if (this.#received >= windowRefillBytes) {
      this.#out.windowUpdate(0, this.#received);
      this.#received = 0;
    }
    const call = this.#calls.get(id);
    if (call === undefined) return;
    call.received += count;
    if (call.received >= windowRefillBytes) {
      this.#out.windowUpdate(id, call.received);
      call.received = 0;
    }
  }
}

/** Exchanges without a connection, for tests of what reads a request and writes its answer. */
import { EventEmitter } from 'node:events';
import type { Exchange, HeaderMap, HttpRequest, HttpResponse } from '../exchange.js';
import { parseRequest } from '../request-info.js';

/** The answer as it was written. */
export interface Written {
  readonly code: number;
  readonly headers: HeaderMap;
  readonly body: Buffer;
}

/** An exchange, and what has been answered on it so far. */
export interface TestExchange extends Exchange {
  readonly written: Written;
}

/** Reads the request line and headers as a server would. @param headers names in lower case */
export function exchangeOf(
  line: string,
  headers: Readonly<Record<string, string>> = {},
): TestExchange {
  const [method = 'GET', target = '/'] = line.split(' ');
  const [path = '', search = ''] = target.split('?');
  const query = new URLSearchParams(search);
  const rawHeaders = Object.entries(headers).flat();
  const request = { headers, rawHeaders, url: target, method, socket: {} };
  const response = new ResponseStub();
  return {
    request: request as unknown as HttpRequest,
    response: response as unknown as HttpResponse,
    method,
    query,
    info: parseRequest(method, path, query),
    warnings: [],
    notes: {},
    signal: new AbortController().signal,
    get written(): Written {
      return {
        code: response.statusCode,
        headers: response.headers,
        body: Buffer.concat(response.chunks),
      };
    },
  };
}

class ResponseStub extends EventEmitter {
  statusCode = 0;
  headers: HeaderMap = {};
  headersSent = false;
  writableEnded = false;
  destroyed = false;
  writableLength = 0;
  writableNeedDrain = false;
  readonly chunks: Buffer[] = [];

  setHeader(name: string, value: string): void {
    this.headers[name] = value;
  }

  writeHead(code: number, headers: HeaderMap): void {
    this.statusCode = code;
    this.headersSent = true;
    Object.assign(this.headers, headers);
  }

  write(chunk: Buffer | string): boolean {
    this.chunks.push(Buffer.from(chunk));
    return true;
  }

  end(chunk?: Buffer | string): void {
    if (chunk !== undefined) this.chunks.push(Buffer.from(chunk));
    this.writableEnded = true;
    this.emit('finish');
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

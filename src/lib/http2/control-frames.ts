/** Payloads of frames that speak of the whole connection. */
import {
  defaultFrameBytes,
  errorCode,
  frameBytesMax,
  setting,
  windowBytesMax,
} from './constants.js';
import { Http2Error, protocolError } from './errors.js';

/** The settings in one SETTINGS frame; undefined where it is silent. Of a setting that occurs twice the last counts. */
export interface PeerSettings {
  headerTableSize: number | undefined;
  enablePush: number | undefined;
  maxConcurrentStreams: number | undefined;
  initialWindowSize: number | undefined;
  maxFrameSize: number | undefined;
}

/**
 * Reads the payload `bytes[start..end)`, whose length is a multiple of six (RFC 9113, section 6.5). Unknown settings
 * are passed over.
 * @throws Http2Error for a value out of range
 */
export function readSettings(bytes: Buffer, start: number, end: number): PeerSettings {
  const settings: PeerSettings = {
    headerTableSize: undefined,
    enablePush: undefined,
    maxConcurrentStreams: undefined,
    initialWindowSize: undefined,
    maxFrameSize: undefined,
  };
  for (let at = start; at < end; at += 6) {
    const value = bytes.readUInt32BE(at + 2);
    switch (bytes.readUInt16BE(at)) {
      case setting.headerTableSize:
        // The smallest counts: a decoder that shrank its table in between wants to be told.
        settings.headerTableSize = Math.min(value, settings.headerTableSize ?? value);
        break;
      case setting.enablePush:
        if (value > 1) throw protocolError('SETTINGS_ENABLE_PUSH is out of range');
        settings.enablePush = value;
        break;
      case setting.maxConcurrentStreams:
        settings.maxConcurrentStreams = value;
        break;
      case setting.initialWindowSize:
        if (value > windowBytesMax) {
          const text = 'SETTINGS_INITIAL_WINDOW_SIZE is out of range';
          throw new Http2Error(errorCode.flowControlError, text);
        }
        settings.initialWindowSize = value;
        break;
      case setting.maxFrameSize:
        if (value < defaultFrameBytes || value > frameBytesMax) {
          throw protocolError('SETTINGS_MAX_FRAME_SIZE is out of range');
        }
        settings.maxFrameSize = value;
        break;
      default:
    }
  }
  return settings;
}

/** The payload of a SETTINGS frame (RFC 9113, 6.5.1). */
export function settingsPayload(
  settings: readonly (readonly [id: number, value: number])[],
): Buffer {
  const payload = Buffer.alloc(6 * settings.length);
  settings.forEach(([id, value], at) => {
    payload.writeUInt16BE(id, 6 * at);
    payload.writeUInt32BE(value, 6 * at + 2);
  });
  return payload;
}

/** @param text for whoever reads the peer's log */
export function goawayPayload(lastId: number, code: number, text: string): Buffer {
  const payload = Buffer.alloc(8 + Buffer.byteLength(text, 'latin1'));
  payload.writeUInt32BE(lastId, 0);
  payload.writeUInt32BE(code, 4);
  payload.write(text, 8, 'latin1');
  return payload;
}

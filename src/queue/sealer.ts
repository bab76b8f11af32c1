import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import { ok } from '../core/failure.ts';
import type { Sealer } from '../core/queue/broker.ts';

const MAGIC = Buffer.from('pwq1');
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const MAC_BYTES = 32;
const HEAD_BYTES = MAGIC.length + NONCE_BYTES;

/**
 * Encrypts with AES-256-GCM and signs the whole with HMAC-SHA-256, under two keys that HKDF makes of the shared
 * secret: whoever can read or write the queue can neither see a command or its values nor make one up.
 * Layout: `pwq1`, nonce (12), ciphertext, tag of GCM (16), HMAC (32).
 */
export function createSealer(secret: string): Sealer {
  const encryption = keyOf(secret, 'encryption');
  const signature = keyOf(secret, 'signature');
  const sign = (about: string, bytes: Uint8Array): Buffer =>
    // The length first: no other pair of the two gives the same text.
    createHmac('sha256', signature)
      .update(`${Buffer.byteLength(about)}:${about}`)
      .update(bytes)
      .digest();
  return {
    seal: (about, bytes) => {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', encryption, nonce);
      const text = Buffer.concat([MAGIC, nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
      return Buffer.concat([text, sign(about, text)]);
    },
    open: (about, sealed) => {
      const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
      if (
        bytes.length < HEAD_BYTES + TAG_BYTES + MAC_BYTES ||
        !bytes.subarray(0, MAGIC.length).equals(MAGIC)
      ) {
        return { ok: false, failure: 'unsigned' };
      }
      const text = bytes.subarray(0, -MAC_BYTES);
      if (!timingSafeEqual(sign(about, text), bytes.subarray(-MAC_BYTES))) {
        return { ok: false, failure: 'forged' };
      }
      const decipher = createDecipheriv('aes-256-gcm', encryption, text.subarray(MAGIC.length, HEAD_BYTES));
      decipher.setAuthTag(text.subarray(-TAG_BYTES));
      return ok(Buffer.concat([decipher.update(text.subarray(HEAD_BYTES, -TAG_BYTES)), decipher.final()]));
    },
  };
}

/** For a queue inside this process: nobody else can reach what is in it. */
export const openSealer: Sealer = {
  seal: (_about, bytes) => bytes,
  open: (_about, sealed) => ok(sealed),
};

function keyOf(secret: string, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, 'pipewright queue', purpose, 32));
}

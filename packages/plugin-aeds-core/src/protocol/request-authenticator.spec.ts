import type { HttpRequest } from '@datawarehouse/sdk';
import { ManualClock, MemoryBackingStore } from '@datawarehouse/sdk/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { openCollections } from '../collections/aeds-collections.js';
import { newKeyPair, sampleClient } from '../testing/samples.js';
import { NonceMemory } from './nonce-memory.js';
import { RequestAuthenticator } from './request-authenticator.js';
import { isResponseSigned, signRequest, signResponse } from './request-signing.js';

const key = newKeyPair();
const url = '/aeds/v1/agent/poll?a=1';
const body = Buffer.from('{}');

describe('RequestAuthenticator', () => {
  let clock: ManualClock;
  let authenticator: RequestAuthenticator;

  beforeEach(async () => {
    clock = new ManualClock();
    const { clients } = openCollections(new MemoryBackingStore());
    const client = sampleClient({ clientId: key.keyId, publicKey: key.publicKey });
    await clients.create(client.clientId, client);
    authenticator = new RequestAuthenticator({
      ...{ clients, clock },
      audience: 'node-1',
      windowMs: 60_000,
    });
  });

  const signed = (
    changes: Partial<Parameters<typeof signRequest>[0]> = {},
    signer = key,
  ): HttpRequest =>
    ({
      method: 'POST',
      url,
      headers: signRequest(
        { method: 'POST', url, audience: 'node-1', body, nowMs: clock.now(), ...changes },
        signer,
      ).headers,
    }) as unknown as HttpRequest;
  const authenticate = (request: HttpRequest, sent: Uint8Array = body): Promise<unknown> =>
    authenticator.authenticate(request, sent);
  const refuses = async (request: HttpRequest, code: string, sent = body): Promise<void> => {
    await expect(authenticate(request, sent)).rejects.toMatchObject({ code });
  };

  it('tells who signed', async () => {
    expect(await authenticate(signed())).toMatchObject({ client: { clientId: key.keyId } });
  });

  it('refuses a request the second time', async () => {
    const request = signed();
    await authenticate(request);
    await refuses(request, 'DW_AEDS_REPLAYED');
    clock.advance(59_999);
    await refuses(request, 'DW_AEDS_REPLAYED');
    clock.advance(2);
    await refuses(request, 'DW_AEDS_CLOCK_SKEW');
  });

  it('refuses what is too old or too far ahead, and cannot be brought back from the future', async () => {
    await refuses(signed({ nowMs: clock.now() - 60_001 }), 'DW_AEDS_CLOCK_SKEW');
    await refuses(signed({ nowMs: clock.now() + 60_001 }), 'DW_AEDS_CLOCK_SKEW');
    const ahead = signed({ nowMs: clock.now() + 60_000 });
    await authenticate(ahead);
    clock.advance(120_000);
    await refuses(ahead, 'DW_AEDS_REPLAYED');
  });

  it('refuses what was signed for another node, path, method or body, or by another key', async () => {
    const unauthenticated = 'DW_AEDS_UNAUTHENTICATED';
    await refuses(signed({ audience: 'node-2' }), unauthenticated);
    await refuses(signed({ url: '/aeds/v1/agent/poll?a=2' }), unauthenticated);
    await refuses(signed({ method: 'GET' }), unauthenticated);
    await refuses(signed(), unauthenticated, Buffer.from('{ }'));
    await refuses(signed({}, newKeyPair()), unauthenticated);
    const stranger = signed({}, newKeyPair());
    await refuses(
      { ...stranger, headers: { ...stranger.headers, 'dw-client': key.keyId } },
      unauthenticated,
    );
  });

  it.each(['dw-client', 'dw-timestamp', 'dw-nonce', 'dw-signature'])(
    'refuses a request without, or with another, %s',
    async (name) => {
      const request = signed();
      const { [name]: value = '', ...rest } = request.headers;
      await expect(authenticate({ ...request, headers: rest })).rejects.toThrow();
      const other = value.replace(/^./, (first) => (first === '1' ? '2' : '1'));
      await expect(
        authenticate({ ...request, headers: { ...rest, [name]: other } }),
      ).rejects.toThrow();
    },
  );
});

describe('NonceMemory', () => {
  it('remembers for its time at least, and forgets in the end', () => {
    const clock = new ManualClock();
    const memory = new NonceMemory(1000, clock);
    expect(memory.add('a')).toBe('new');
    clock.advance(999);
    memory.add('b');
    expect(memory.add('a')).toBe('known');
    clock.advance(1000);
    expect(memory.add('b')).toBe('known');
    clock.advance(2000);
    expect([memory.add('a'), memory.add('b')]).toEqual(['new', 'new']);
  });

  it('says when it is full, rather than forget', () => {
    const memory = new NonceMemory(1000, new ManualClock());
    for (let index = 0; index < 200_000; index += 1) memory.add(String(index));
    expect(memory.add('one more')).toBe('full');
    expect(memory.add('0')).toBe('known');
  });
});

describe('signResponse', () => {
  it('signs the answer to one request of one client', () => {
    const server = newKeyPair();
    const parts = { serverId: 'node-1', clientId: key.keyId, nonce: 'n', body };
    const header = signResponse(parts, server);
    expect(isResponseSigned(parts, header, [server])).toBe(true);
    for (const changed of [
      { serverId: 'node-2' },
      { clientId: server.keyId },
      { nonce: 'm' },
      { body: Buffer.from('{"a":1}') },
    ]) {
      expect(isResponseSigned({ ...parts, ...changed }, header, [server])).toBe(false);
    }
    expect(isResponseSigned(parts, header, [newKeyPair()])).toBe(false);
    expect(isResponseSigned(parts, '', [server])).toBe(false);
  });
});

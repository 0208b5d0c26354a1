import { describe, expect, it } from 'vitest';
import { newKeyPair } from '../testing/samples.js';
import { isSignedBy, preAuthenticationEncoding, signEnvelope } from './signed-envelope.js';

describe('preAuthenticationEncoding', () => {
  it('is that of the DSSE protocol', () => {
    const encoded = preAuthenticationEncoding(
      'http://example.com/HelloWorld',
      Buffer.from('hello world'),
    );
    expect(Buffer.from(encoded).toString()).toBe(
      'DSSEv1 29 http://example.com/HelloWorld 11 hello world',
    );
  });

  it('counts bytes, and cannot shift bytes from type to body', () => {
    const of = (type: string, body: string): string =>
      Buffer.from(preAuthenticationEncoding(type, Buffer.from(body))).toString();
    expect(of('é', 'ü')).toBe('DSSEv1 2 é 2 ü');
    expect(of('a b', 'c')).not.toBe(of('a', 'b c'));
  });
});

describe('signEnvelope', () => {
  it('carries one signature of each key', () => {
    const keys = [newKeyPair(), newKeyPair()];
    const envelope = signEnvelope(Buffer.from('{}'), keys);
    expect(keys.every((key) => isSignedBy(envelope, key))).toBe(true);
    expect(isSignedBy(envelope, newKeyPair())).toBe(false);
  });
});

import { ManualClock, MemoryBackingStore } from '@datawarehouse/sdk/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { Invitations } from './invitations.js';
import { deriveEnrolmentKey, parsePin } from './pin.js';

const right = (): boolean => true;
const wrong = (): boolean => false;
const use = async (): Promise<string> => 'enrolled';

describe('Invitations', () => {
  let store: MemoryBackingStore;
  let clock: ManualClock;
  let invitations: Invitations;

  beforeEach(() => {
    store = new MemoryBackingStore();
    clock = new ManualClock();
    invitations = new Invitations(store, clock);
  });

  const newId = async (): Promise<string> =>
    parsePin((await invitations.create(60_000)).pin)?.invitationId ?? '';

  it('makes PINs of 50 random bits behind an id', async () => {
    const { pin, expiresAt } = await invitations.create(60_000);
    expect(pin).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{5}){2}$/);
    expect(expiresAt).toBe(clock.now() + 60_000);
    expect((await invitations.create(60_000)).pin).not.toBe(pin);
  });

  it('keeps of a PIN only what scrypt made of it', async () => {
    const { pin } = await invitations.create(60_000);
    const parsed = parsePin(pin.toLowerCase().replaceAll('-', ' '));
    let stored = '';
    for await (const { data } of store.scan('dw://')) stored += Buffer.from(data).toString();
    expect(stored).not.toContain(parsed?.secret);
    const salt = Buffer.from(await invitations.salt(parsed?.invitationId ?? ''), 'base64url');
    const key = parsed && (await deriveEnrolmentKey(parsed, salt));
    const isKey = (kept: Uint8Array): boolean =>
      key !== undefined && Buffer.compare(key, kept) === 0;
    expect(await invitations.redeem(parsed?.invitationId ?? '', 'key-1', isKey, use)).toBe(
      'enrolled',
    );
  });

  it('is locked after five wrong tries, also over a restart and by many at once', async () => {
    const id = await newId();
    const tries = await Promise.allSettled(
      Array.from({ length: 5 }, () => invitations.redeem(id, 'key-1', wrong, use)),
    );
    const codes = tries.map((result) => (result.status === 'rejected' ? result.reason.code : ''));
    expect(codes).toEqual([...Array(4).fill('DW_AEDS_PIN_INVALID'), 'DW_AEDS_PIN_LOCKED']);
    const reopened = new Invitations(store, clock);
    await expect(reopened.redeem(id, 'key-1', right, use)).rejects.toMatchObject({
      code: 'DW_AEDS_PIN_LOCKED',
    });
  });

  it('serves the first key that used it again, and no other', async () => {
    const id = await newId();
    expect(await invitations.redeem(id, 'key-1', right, use)).toBe('enrolled');
    expect(await invitations.redeem(id, 'key-1', right, use)).toBe('enrolled');
    await expect(invitations.redeem(id, 'key-2', right, use)).rejects.toMatchObject({
      code: 'DW_AEDS_PIN_USED',
    });
  });

  it('serves nobody after its time', async () => {
    const id = await newId();
    clock.advance(60_000);
    await expect(invitations.redeem(id, 'key-1', right, use)).rejects.toMatchObject({
      code: 'DW_AEDS_PIN_EXPIRED',
    });
  });

  it('tells nothing about invitations that there are not', async () => {
    await expect(invitations.redeem('ZZZZ', 'key-1', right, use)).rejects.toMatchObject({
      code: 'DW_AEDS_PIN_INVALID',
    });
    const salt = await invitations.salt('ZZZZ');
    expect(salt).toHaveLength((await invitations.salt(await newId())).length);
    expect(await invitations.salt('ZZZZ')).toBe(salt);
    expect(await invitations.salt('ZZZY')).not.toBe(salt);
  });

  it('removes what has expired', async () => {
    await newId();
    clock.advance(60_001);
    await newId();
    const paths: string[] = [];
    for await (const path of store.list('dw://aeds/invitations/')) paths.push(path);
    expect(paths).toHaveLength(1);
  });
});

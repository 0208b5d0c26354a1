import { createHmac, randomBytes } from 'node:crypto';
import {
  type Clock,
  type IPersistentBackingStore,
  KeyedMutex,
  storePath,
  storePrefix,
} from '@datawarehouse/sdk';
import { z } from 'zod';
import { decodeRecord, encodeRecord } from '../collections/record-codec.js';
import { aedsError } from '../errors/aeds-errors.js';
import { timestampSchema } from '../identity/identifiers.js';
import { deriveEnrolmentKey, formatPin, newPin, type Pin } from './pin.js';

/** Open invitations of a node. */
const maxInvitations = 10_000;
const maxWrongTries = 5;

const invitationSchema = z.strictObject({
  salt: z.string(),
  /** scrypt of the PIN: the PIN itself is kept nowhere. */
  key: z.string(),
  createdAt: timestampSchema,
  expiresAt: timestampSchema,
  wrongTries: z.int().min(0),
  /** The first key that used it; the only one that may again. */
  usedBy: z.string().exactOptional(),
});
type Invitation = Readonly<z.output<typeof invitationSchema>>;

/** An invitation as it is told once, to the operator. */
export interface NewInvitation {
  readonly pin: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** One-time PINs by which clients enrol. */
export class Invitations {
  readonly #store: IPersistentBackingStore;
  readonly #clock: Clock;
  readonly #locks = new KeyedMutex();
  readonly #decoyKey = randomBytes(32);

  constructor(store: IPersistentBackingStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** @throws DwError `DW_AEDS_TOO_MANY_INVITATIONS`. */
  async create(lifeMs: number): Promise<NewInvitation> {
    await this.#clean();
    for (;;) {
      const pin = newPin();
      const expiresAt = this.#clock.now() + lifeMs;
      // An open invitation may have the id already; take another then.
      if (await this.#add(pin, expiresAt)) return { pin: formatPin(pin), expiresAt };
    }
  }

  /** Salt of an invitation's key. An unknown one has a salt too, so that asking tells nothing. */
  async salt(invitationId: string): Promise<string> {
    const invitation = await this.#read(invitationId);
    if (invitation !== undefined) return invitation.salt;
    return createHmac('sha256', this.#decoyKey).update(invitationId).digest('base64url');
  }

  /**
   * Tries an invitation. What comes of it is stored before anybody learns of it.
   *
   * @param publicKey - Key of the client that tries.
   * @param isProven - Whether the client proved, under the invitation's key, that it knows the PIN.
   * @param use - What the invitation is good for; called under its lock once it is bound to the key.
   * @throws DwError `DW_AEDS_PIN_INVALID`, `DW_AEDS_PIN_LOCKED`, `DW_AEDS_PIN_EXPIRED`,
   *   `DW_AEDS_PIN_USED`.
   */
  redeem<T>(
    invitationId: string,
    publicKey: string,
    isProven: (key: Uint8Array) => boolean,
    use: (key: Uint8Array) => Promise<T>,
  ): Promise<T> {
    return this.#locks.run(invitationId, async () => {
      const invitation = await this.#read(invitationId);
      if (invitation === undefined) throw aedsError('DW_AEDS_PIN_INVALID');
      if (invitation.wrongTries >= maxWrongTries) throw aedsError('DW_AEDS_PIN_LOCKED');
      if (invitation.expiresAt <= this.#clock.now()) throw aedsError('DW_AEDS_PIN_EXPIRED');
      const key = Buffer.from(invitation.key, 'base64url');
      if (!isProven(key)) {
        const wrongTries = invitation.wrongTries + 1;
        await this.#write(invitationId, { ...invitation, wrongTries });
        throw aedsError(wrongTries < maxWrongTries ? 'DW_AEDS_PIN_INVALID' : 'DW_AEDS_PIN_LOCKED');
      }
      const usedBy = invitation.usedBy ?? publicKey;
      if (usedBy !== publicKey) throw aedsError('DW_AEDS_PIN_USED');
      await this.#write(invitationId, { ...invitation, usedBy });
      return await use(key);
    });
  }

  async #add(pin: Pin, expiresAt: number): Promise<boolean> {
    const salt = randomBytes(32);
    const key = await deriveEnrolmentKey(pin, salt);
    return await this.#locks.run(pin.invitationId, async () => {
      if ((await this.#read(pin.invitationId)) !== undefined) return false;
      await this.#write(pin.invitationId, {
        salt: salt.toString('base64url'),
        key: Buffer.from(key).toString('base64url'),
        createdAt: this.#clock.now(),
        expiresAt,
        wrongTries: 0,
      });
      return true;
    });
  }

  async #clean(): Promise<void> {
    let count = 0;
    for await (const { path, data } of this.#store.scan(storePrefix('aeds', 'invitations'))) {
      const { expiresAt } = decodeRecord(invitationSchema, path, data);
      if (expiresAt <= this.#clock.now()) await this.#store.delete(path);
      else count += 1;
    }
    if (count >= maxInvitations) throw aedsError('DW_AEDS_TOO_MANY_INVITATIONS');
  }

  async #read(invitationId: string): Promise<Invitation | undefined> {
    const path = invitationPath(invitationId);
    const data = await this.#store.read(path);
    return data && decodeRecord(invitationSchema, path, data);
  }

  async #write(invitationId: string, invitation: Invitation): Promise<void> {
    await this.#store.write(invitationPath(invitationId), encodeRecord(invitation));
  }
}

function invitationPath(invitationId: string): string {
  return storePath('aeds', 'invitations', invitationId);
}

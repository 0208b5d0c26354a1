import { aedsError } from '../errors/aeds-errors.js';
import type { IntentManifest } from '../manifests/intent-manifest.js';
import type { TrustStore } from '../manifests/trust-store.js';
import { verifyManifest } from '../manifests/verify-manifest.js';
import type { DeliveryJournal } from './delivery-journal.js';
import type { Place } from './place-payload.js';

/** Who the agent is, and what it may be sent. */
export interface Recipient {
  readonly clientId: string;
  readonly serverId: string;
  readonly capabilities: number;
  /** Channels that the client is in, by the server's signed word. */
  readonly channels: readonly string[];
}

/** A manifest that was let in, and where its payload goes. */
export interface AdmittedManifest {
  readonly manifest: IntentManifest;
  readonly place: Place;
}

/**
 * Decides whether an agent takes a manifest. Whatever goes wrong refuses it.
 *
 * @throws DwError as `verifyManifest`; `DW_AEDS_MANIFEST_WRONG_AUDIENCE`,
 *   `DW_AEDS_MANIFEST_REPLAYED`, `DW_AEDS_ACTION_NOT_OFFERED`.
 */
export function admitManifest(
  delivery: { readonly jobId: string; readonly envelope: unknown },
  context: {
    readonly recipient: Recipient;
    readonly trust: TrustStore;
    readonly journal: DeliveryJournal;
    readonly nowMs: number;
  },
): AdmittedManifest {
  const { recipient, trust, journal, nowMs } = context;
  const manifest = verifyManifest(delivery.envelope, trust, nowMs);
  const { manifestId, createdAt, action } = manifest;
  const folder = folderFor(manifest, recipient, delivery.jobId);
  if (folder === undefined || manifest.serverId !== recipient.serverId) {
    throw aedsError('DW_AEDS_MANIFEST_WRONG_AUDIENCE', {
      details: { manifestId, serverId: manifest.serverId, targets: manifest.targets.slice(0, 10) },
    });
  }
  if (journal.isReplay(delivery.jobId, manifestId, createdAt)) {
    throw aedsError('DW_AEDS_MANIFEST_REPLAYED', { details: { manifestId } });
  }
  if (action !== 'passive' && action !== 'notify') {
    throw aedsError('DW_AEDS_ACTION_NOT_OFFERED', { details: { manifestId, action } });
  }
  return { manifest, place: { folder, name: manifest.payload.name } };
}

/** Folder of a manifest's payload; `undefined` where the manifest is for others. */
function folderFor(
  manifest: IntentManifest,
  { clientId, capabilities, channels }: Recipient,
  jobId: string,
): string | undefined {
  switch (manifest.deliveryMode) {
    case 'broadcast':
      return manifest.targets.find((channelId) => channels.includes(channelId));
    case 'unicast':
      return manifest.targets.includes(clientId) ? jobId : undefined;
    case 'multicast': {
      const wanted = manifest.criteria?.capabilities;
      return wanted !== undefined && (capabilities & wanted) === wanted ? jobId : undefined;
    }
  }
}

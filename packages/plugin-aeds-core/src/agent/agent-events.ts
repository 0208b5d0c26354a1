/** What an agent tells of its work, as it happens. */
export type AgentEvent =
  | {
      readonly type: 'enrolled';
      readonly clientId: string;
      readonly serverId: string;
      readonly keyIds: readonly string[];
    }
  | { readonly type: 'pending'; readonly clientId: string }
  | { readonly type: 'approved'; readonly clientId: string; readonly channels: readonly string[] }
  | { readonly type: 'disconnected'; readonly code: string; readonly message: string }
  | { readonly type: 'connected' }
  | {
      readonly type: 'received';
      readonly jobId: string;
      readonly manifestId: string;
      readonly name: string;
      readonly sizeBytes: number;
    }
  | {
      readonly type: 'progress';
      readonly jobId: string;
      readonly bytes: number;
      readonly sizeBytes: number;
    }
  | {
      readonly type: 'applied';
      readonly jobId: string;
      readonly manifestId: string;
      readonly path: string;
      readonly sizeBytes: number;
      readonly contentHash: string;
    }
  | {
      readonly type: 'notification';
      readonly jobId: string;
      readonly tier: string;
      readonly name: string;
      readonly path: string;
    }
  | {
      readonly type: 'refused' | 'failed' | 'retrying';
      readonly jobId: string;
      readonly code: string;
      readonly message: string;
    }
  | { readonly type: 'reported'; readonly jobId: string; readonly state: string };

/** Listens to an agent. What it throws ends the agent. */
export type AgentListener = (event: AgentEvent) => void;

/** A strategy: what becomes of a write, as three choices. */
export interface ReplicationStrategy {
  /** Unique name, as routes use it: lower-case letters, digits and dashes. */
  readonly name: string;
  /** One sentence for people. */
  readonly summary: string;
  /** Who may write: any node, or this node for itself alone, so that nothing leaves it. */
  readonly admission: 'anyNode' | 'thisNodeOnly';
  /** Which replicas must have stored a write before it returns. */
  readonly confirmations: 'none' | 'allActive';
  /** Which of two concurrent versions is kept. */
  readonly resolver: 'latestWins';
}

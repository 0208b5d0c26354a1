/** A strategy: what becomes of a write, as three choices. */
export interface ReplicationStrategy {
  /** Unique name, as routes use it: lower-case letters, digits and dashes. */
  readonly name: string;
  /** One sentence for people. */
  readonly summary: string;
  /**
   * Who may write: any node, the primary alone, to which the others hand their writes, or this node
   * for itself, so that nothing leaves it.
   */
  readonly admission: 'anyNode' | 'primary' | 'thisNodeOnly';
  /**
   * Which replicas must have stored a write before it returns: none, every active one, as many as
   * make a majority of the cluster together with this node, or so many.
   */
  readonly confirmations: 'none' | 'allActive' | 'majority' | number;
  /** Name of the resolver that decides between concurrent versions. */
  readonly resolver: string;
}

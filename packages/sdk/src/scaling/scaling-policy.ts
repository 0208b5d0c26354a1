import { resolveScalingLimits, type ScalingLimits } from './scaling-limits.js';

/** Limits of the three levels; a level that is absent inherits the one above. */
export interface SubsystemScalingPolicy {
  /** Limits of the whole subsystem on this node. */
  readonly instanceLimits: ScalingLimits;
  /** Limits of one tenant. */
  readonly tenantLimits?: ScalingLimits;
  /** Limits of one user. */
  readonly userLimits?: ScalingLimits;
  /**
   * Whether memory limits follow the machine's memory.
   * @defaultValue true
   */
  readonly autoSizeFromRam: boolean;
  /**
   * Share of the memory that applies, 0.001 to 0.5.
   * @defaultValue 0.1
   */
  readonly ramPercentage: number;
}

/** A level of a {@link SubsystemScalingPolicy}, widest first. */
export type ScalingLevel = 'instance' | 'tenant' | 'user';

/** Completes a policy with the defaults. */
export function resolveScalingPolicy(
  policy: Partial<SubsystemScalingPolicy> = {},
): SubsystemScalingPolicy {
  const { instanceLimits, tenantLimits, userLimits } = policy;
  return Object.freeze({
    instanceLimits: resolveScalingLimits(instanceLimits),
    ...(tenantLimits && { tenantLimits: resolveScalingLimits(tenantLimits) }),
    ...(userLimits && { userLimits: resolveScalingLimits(userLimits) }),
    autoSizeFromRam: policy.autoSizeFromRam ?? true,
    ramPercentage: Math.min(0.5, Math.max(0.001, policy.ramPercentage ?? 0.1)),
  });
}

/** Returns the limits that hold at a level: its own, or those of the nearest level above. */
export function limitsAt(policy: SubsystemScalingPolicy, level: ScalingLevel): ScalingLimits {
  if (level === 'instance') return policy.instanceLimits;
  const tenant = policy.tenantLimits ?? policy.instanceLimits;
  return level === 'tenant' ? tenant : (policy.userLimits ?? tenant);
}

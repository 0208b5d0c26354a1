import type { HttpRoute } from '@datawarehouse/sdk';
import { z } from 'zod';
import { hostError } from '../../errors/host-errors.js';
import type { RegisteredSubsystem } from '../../scaling/scaling-registry.js';
import { apiError } from '../api-errors.js';
import type { HostView } from '../host-view.js';
import { jsonSafe } from '../json-safe.js';

/** The limits themselves, and beside them what only the subsystem knows. It judges the values. */
const changesSchema = z.looseObject({
  settings: z.record(z.string(), z.unknown()).optional(),
  reason: z.string().max(500).optional(),
});

/** Scalable subsystems: what they use, and what they may use. */
export function scalingRoutes(view: HostView): readonly HttpRoute[] {
  return [
    {
      method: 'GET',
      path: '/api/v1/scaling',
      summary: 'All scalable subsystems with limits, backpressure and metrics.',
      handle: async () => ({ json: { subsystems: view.scaling.list().map(shown) } }),
    },
    {
      method: 'GET',
      path: '/api/v1/scaling/:subsystem',
      summary: 'One scalable subsystem with limits, backpressure and metrics.',
      handle: async ({ params }) => {
        const registered = view.scaling.get(params.subsystem ?? '');
        if (registered !== undefined) return { json: shown(registered) };
        const known = view.scaling.list().map(({ subsystem }) => subsystem.subsystemName);
        throw hostError('DW_HOST_SUBSYSTEM_UNKNOWN', {
          message: `No plugin provides a scalable subsystem named ${params.subsystem ?? ''}`,
          details: { subsystem: params.subsystem, known },
        });
      },
    },
    {
      method: 'PATCH',
      path: '/api/v1/scaling/:subsystem/limits',
      summary: 'Changes limits while the subsystem runs; the others stay.',
      bodySchema: changesSchema,
      handle: async ({ params, json }) => {
        const given = json as z.output<typeof changesSchema>;
        const { settings, reason = 'HTTP API', ...changes } = given;
        const { subsystemName, oldLimits, newLimits, timestamp } = await view.scaling.reconfigure(
          params.subsystem ?? '',
          changes,
          { reason, ...(settings !== undefined && { settings }) },
        );
        return { json: { subsystem: subsystemName, oldLimits, newLimits, timestamp } };
      },
    },
  ];
}

function shown(registered: RegisteredSubsystem): Readonly<Record<string, unknown>> {
  const { subsystem, pluginId } = registered;
  return {
    subsystem: subsystem.subsystemName,
    pluginId,
    limits: subsystem.currentLimits,
    backpressureState: subsystem.currentBackpressureState,
    ...metricsOf(registered),
  };
}

/** A subsystem that cannot tell its metrics must not hide those of the others. */
function metricsOf({ subsystem }: RegisteredSubsystem): Readonly<Record<string, unknown>> {
  try {
    return { metrics: jsonSafe(subsystem.getScalingMetrics()) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const { code, hint } = apiError('DW_API_METRICS_FAILED');
    return { metrics: {}, error: { code, message, hint } };
  }
}
